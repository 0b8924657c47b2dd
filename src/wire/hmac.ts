/**
 * HMAC-SHA256 (RFC 2104) from the hash alone. `createHmac` of some Denos prints a deprecation warning
 * of its own into the log (DEP0181), and is slower.
 *
 * @pure
 */

import { createHash, timingSafeEqual } from "node:crypto";

const BLOCK_SIZE = 64;
const INNER = 0x36;
const OUTER = 0x5c;

/** Of the parts, one behind the other, in lower-case hex. */
export function hmacSha256(secret: string, ...parts: readonly Uint8Array[]): string {
  const key = keyBlock(secret);
  const inner = createHash("sha256").update(key.map((byte) => byte ^ INNER));
  for (const part of parts) inner.update(part);
  const outer = createHash("sha256").update(key.map((byte) => byte ^ OUTER));
  return outer.update(inner.digest()).digest("hex");
}

/** Whether the text has the form of a SHA-256, or of an HMAC with it. */
export function isSha256Hex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** How long it takes does not depend on where two digests differ. */
export function isSameDigest(one: string, other: string): boolean {
  return isSha256Hex(one) && isSha256Hex(other) &&
    timingSafeEqual(encoder.encode(one), encoder.encode(other));
}

const encoder = new TextEncoder();

function keyBlock(secret: string): Uint8Array {
  const key = encoder.encode(secret);
  const block = new Uint8Array(BLOCK_SIZE);
  block.set(key.length > BLOCK_SIZE ? createHash("sha256").update(key).digest() : key);
  return block;
}
