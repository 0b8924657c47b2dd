/**
 * The umask of this process, which all of its threads have in common. It is read from /proc: umask(2) says it
 * only by setting another, which a file would get that another thread makes meanwhile.
 */

import { textOf } from "./quietly.ts";

let known: number | undefined;

/** Whether it takes something away from a mode. */
export function isMasked(mode: number): boolean {
  known ??= umaskInProc() ?? Deno.umask();
  return (mode & known) !== 0;
}

export function setUmask(mask: number): void {
  Deno.umask(mask);
  known = mask;
}

/** Null where /proc does not say: Linux does since 4.7. */
function umaskInProc(): number | null {
  const [, octal] = /^Umask:\s*([0-7]+)$/m.exec(textOf("/proc/self/status") ?? "") ?? [];
  return octal === undefined ? null : parseInt(octal, 8);
}
