/** A task's body in pieces, as they are sent and hashed. */

import { createHash } from "node:crypto";
import { turnOfOthers } from "../platform/clock.ts";
import type { Delivery } from "./delivery.ts";

const CHUNK_SIZE = 64 * 1024;
/** So many pieces are hashed before others have the thread. */
const HASH_PIECES = 16;

/** The next piece of a body; null when the file has no more, although it should. */
export function readChunk({ bodySize, readBody }: Delivery, at: number): Uint8Array | null {
  const chunk = new Uint8Array(Math.min(CHUNK_SIZE, bodySize - at));
  const count = readBody(chunk, at);
  return count === 0 ? null : chunk.subarray(0, count);
}

/** Why a task whose file is too short cannot be sent. */
export function cutOff({ bodySize }: Delivery, at: number): string {
  return `its file ends ${bodySize - at} bytes too soon`;
}

/**
 * Lower-case hex SHA-256 of a body.
 *
 * @param goesOn called now and then; false breaks off
 * @returns null when it was broken off
 * @throws {Error} when the file is too short
 */
export async function hashBody(
  delivery: Delivery,
  goesOn: () => boolean,
): Promise<string | null> {
  const hash = createHash("sha256");
  for (let at = 0, pieces = 1; at < delivery.bodySize; pieces++) {
    const chunk = readChunk(delivery, at);
    if (chunk === null) throw new Error(cutOff(delivery, at));
    hash.update(chunk);
    at += chunk.length;
    if (pieces % HASH_PIECES !== 0) continue;
    await turnOfOthers();
    if (!goesOn()) return null;
  }
  return hash.digest("hex");
}
