/**
 * XXH32 (the xxHash specification, version 0.1.1): a checksum that JavaScript computes at gigabytes a
 * second, and that every change within 4 aligned bytes changes. It is no protection against forgers.
 *
 * @pure
 */

const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/**
 * @param at where the bytes begin, a multiple of 4
 * @param words the same memory as `bytes`: both begin at its first byte
 */
export function checksumOf(
  bytes: Uint8Array,
  words: Uint32Array,
  at: number,
  length: number,
  seed = 0,
): number {
  let word = at >>> 2;
  const lastWord = (at + length) >>> 2;
  let sum: number;
  if (length >= 16) {
    let a = (seed + PRIME_1 + PRIME_2) | 0;
    let b = (seed + PRIME_2) | 0;
    let c = seed | 0;
    let d = (seed - PRIME_1) | 0;
    for (; word + 4 <= lastWord; word += 4) {
      a = Math.imul(rotate(a + Math.imul(words[word] as number, PRIME_2), 13), PRIME_1);
      b = Math.imul(rotate(b + Math.imul(words[word + 1] as number, PRIME_2), 13), PRIME_1);
      c = Math.imul(rotate(c + Math.imul(words[word + 2] as number, PRIME_2), 13), PRIME_1);
      d = Math.imul(rotate(d + Math.imul(words[word + 3] as number, PRIME_2), 13), PRIME_1);
    }
    sum = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  } else sum = seed + PRIME_5;
  sum = (sum + length) | 0;
  for (; word < lastWord; word++) {
    sum = Math.imul(rotate(sum + Math.imul(words[word] as number, PRIME_3), 17), PRIME_4);
  }
  for (let byte = word << 2; byte < at + length; byte++) {
    sum = Math.imul(rotate(sum + Math.imul(bytes[byte] as number, PRIME_5), 11), PRIME_1);
  }
  sum = Math.imul(sum ^ (sum >>> 15), PRIME_2);
  sum = Math.imul(sum ^ (sum >>> 13), PRIME_3);
  return (sum ^ (sum >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
