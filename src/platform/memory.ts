/** Memory that C keeps a pointer to after the call that was given it. @pure */

/**
 * Bytes that never move. V8 keeps the bytes of typed arrays of up to 64 bytes among its objects and
 * moves them when it collects garbage; those of an ArrayBuffer stay where they are. The caller that gives them
 * to C holds on to them until C is done: a call that is on another thread holds nothing.
 */
export function fixedBytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length));
}
