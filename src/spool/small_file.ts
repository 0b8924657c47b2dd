/** Reads a file that this program wrote and somebody else may have replaced: by a FIFO, by /dev/zero, … */

import type { Claims } from "./claim.ts";

/** More than any record about one task has. */
export const MOST_RECORD_BYTES = 1024 * 1024;

/** Of a file of lines that is read piece by piece. */
const PIECE_BYTES = 64 * 1024;
const NEWLINE = 10;

/** Null when it is not there, no regular file, longer than `mostBytes`, or some other user's. */
export function readSmallFile(claims: Claims, path: string, mostBytes: number): string | null {
  const file = claims.peek(path);
  if (file.kind !== "open") return null;
  try {
    const { size, uid } = file.stat;
    if (size > mostBytes || !claims.trusts(uid)) return null;
    const bytes = new Uint8Array(size);
    return new TextDecoder().decode(bytes.subarray(0, file.read(bytes, 0)));
  } finally {
    file.close();
  }
}

/**
 * The same of a file of lines that may be long, in little memory: whole lines, as many as one piece has,
 * each with its newline. Nothing that such a program has written has a line as long as a piece.
 */
export function* readLines(claims: Claims, path: string, mostBytes: number): Generator<string> {
  const file = claims.peek(path);
  if (file.kind !== "open") return;
  try {
    const { size, uid } = file.stat;
    if (size > mostBytes || !claims.trusts(uid)) return;
    const decoder = new TextDecoder();
    const piece = new Uint8Array(PIECE_BYTES);
    let filled = 0;
    for (let at = 0; at < size;) {
      const count = file.read(piece.subarray(filled), at);
      if (count <= 0) return;
      at += count;
      filled += count;
      const end = piece.lastIndexOf(NEWLINE, filled - 1) + 1;
      if (end > 0) yield decoder.decode(piece.subarray(0, end));
      piece.copyWithin(0, end, filled);
      filled = end === 0 && filled === piece.length ? 0 : filled - end;
    }
  } finally {
    file.close();
  }
}
