/** Puts pieces of bytes together. @pure */

/** All pieces in one; a single one is returned as it is. */
export function joined<T extends Uint8Array>(parts: readonly T[]): T | Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
