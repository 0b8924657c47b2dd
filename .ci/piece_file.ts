/** The file of a piece of the program: the size of its text in four bytes, its text, and its compiled code. */

const SIZE_BYTES = 4;

/** Of a module, the name of its piece's file, which is data: no module that `deno compile` would look into. */
export function pieceName(module: string): string {
  return module.replace(/\.js$/, ".piece");
}

/** @param code null where there is none */
export function pieceFile(script: string, code: Uint8Array | null): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(script);
  const file = new Uint8Array(SIZE_BYTES + text.length + (code?.length ?? 0));
  new DataView(file.buffer).setUint32(0, text.length);
  file.set(text, SIZE_BYTES);
  if (code) file.set(code, SIZE_BYTES + text.length);
  return file;
}

/** What {@link pieceFile} was made of. */
export function contentOf(file: Uint8Array<ArrayBuffer>): { script: string; code?: Uint8Array } {
  const end = SIZE_BYTES + new DataView(file.buffer).getUint32(0);
  const script = new TextDecoder().decode(file.subarray(SIZE_BYTES, end));
  return end < file.length ? { script, code: file.subarray(end) } : { script };
}
