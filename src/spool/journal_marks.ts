/**
 * Marks that tasks are done, in a journal: written beside the ring, by the main thread, and
 * never synced for their own sake.
 *
 * @pure
 */

import type { JournalId } from "./journal_format.ts";

/**
 * The mark that a task is done: 64 bits of its id, so that a torn or flipped mark means no task at all.
 * The journal's own id goes into it, so that nobody can choose a name that has another's mark.
 */
export function writeDoneMark(
  words: Uint32Array,
  at: number,
  journal: JournalId,
  task: string,
): void {
  let low = journal[0] | 0;
  let high = journal[1] | 0;
  for (let i = 0; i < task.length; i++) {
    const code = task.charCodeAt(i);
    low = Math.imul(low ^ code, 0x85ebca6b);
    high = Math.imul(high ^ code, 0xc2b2ae35);
    low = (low << 13) | (low >>> 19);
    high = (high << 17) | (high >>> 15);
  }
  low = Math.imul(low ^ (high >>> 15), 0x2c1b3c6d);
  high = Math.imul(high ^ (low >>> 13), 0x297a2d39);
  // Zeros are no mark.
  words[at] = (low ^ (high >>> 16)) | 1;
  words[at + 1] = high ^ (low >>> 16);
}

/** All marks of a journal; ask {@link isDone} about them. */
export function readDoneMarks(marks: Uint8Array<ArrayBuffer>): Set<bigint> {
  const found = new Set(new BigUint64Array(marks.buffer, 0, marks.byteLength >>> 3));
  found.delete(0n);
  return found;
}

const markWords = new Uint32Array(2);
const markValue = new BigUint64Array(markWords.buffer);

export function isDone(marks: ReadonlySet<bigint>, journal: JournalId, task: string): boolean {
  if (marks.size === 0) return false;
  writeDoneMark(markWords, 0, journal, task);
  return marks.has(markValue[0] as bigint);
}
