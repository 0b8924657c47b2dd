/**
 * A hash that is the same on every machine and in every version: FNV-1a, 64 bits. Not for secrets.
 *
 * Source: RFC 9923, the FNV non-cryptographic hash algorithm.
 *
 * @pure
 */

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

export function hash64(text: string): bigint {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  }
  return hash;
}

/** 16 hexadecimal digits. */
export function hashText(text: string): string {
  return hash64(text).toString(16).padStart(16, "0");
}
