/**
 * Copies of small packets, many in one piece of memory: an ArrayBuffer for each would cost the engine more
 * than all else that is done with a packet. The piece is freed when nobody has any of its copies.
 *
 * @pure
 */

/** One copy that is held for long holds all of this. */
const PIECE_BYTES = 16 * 1024;
/** What is longer has memory of its own. */
const MOST_BYTES = 1024;

let piece = new Uint8Array(0);
let used = 0;

/** The bytes from `start` to `end`, for one who does not keep them for long. */
export function copyOf(
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  const length = end - start;
  if (length > MOST_BYTES) return bytes.slice(start, end);
  if (used + length > piece.length) {
    piece = new Uint8Array(PIECE_BYTES);
    used = 0;
  }
  const copy = piece.subarray(used, used + length);
  copy.set(bytes.subarray(start, end));
  used += length;
  return copy;
}
