/** The name under which this program receives signed tasks. */

/** Of this run: what was signed for it is good for no other receiver, and for none after it. */
const NAME_OF_THIS_RUN = `${Deno.hostname()}:${crypto.randomUUID()}`.replaceAll(
  /[^\x21-\x7e]/g,
  "_",
);

/** `spooler-name`, or one that no other receiver has. */
export function receiverName({ name }: { readonly name: string | null }): string {
  return name ?? NAME_OF_THIS_RUN;
}
