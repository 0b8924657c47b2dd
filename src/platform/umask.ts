/** The umask of this process. Asking the kernel for it means to set it, and so it is remembered. */

let known: number | undefined;

/** Whether it takes something away from a mode. */
export function isMasked(mode: number): boolean {
  known ??= Deno.umask();
  return (mode & known) !== 0;
}

export function setUmask(mask: number): void {
  Deno.umask(mask);
  known = mask;
}
