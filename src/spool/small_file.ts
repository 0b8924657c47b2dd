/** Reads a file that this program wrote and somebody else may have replaced: by a FIFO, by /dev/zero, … */

import type { Claims } from "./claim.ts";

/** More than any record about one task has. */
export const MOST_RECORD_BYTES = 1024 * 1024;

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
