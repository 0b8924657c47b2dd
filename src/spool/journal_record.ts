/**
 * The records of a journal's ring, one for each task: how they are made, and found again.
 *
 * @pure
 */

import { checksumOf } from "../platform/checksum.ts";
import { nameFromBytes, nameToBytes } from "../platform/name.ts";
import {
  type JournalHeader,
  type JournalId,
  positionAt,
  setPosition,
  UNIT,
} from "./journal_format.ts";

/** A task in the journal. */
export interface JournalTask {
  /** Its path from the spool directory on, as `taskId` makes it. */
  readonly id: string;
  /** The mtime that its file was given: milliseconds since the epoch. */
  readonly dueAt: number;
  /** All that its file holds, in pieces. */
  readonly parts: readonly Uint8Array[];
  /** The line that `.spooler/accepted` gets for it, if any; see accepted_ids.ts. */
  readonly acceptedLine: string | null;
}

export interface JournalRecord {
  readonly position: number;
  /** Of the first unit behind it. */
  readonly end: number;
  readonly id: string;
  readonly dueAt: number;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly acceptedLine: string | null;
}

// A record: the journal's id (8), its position (8), its length without padding (4), its checksum (4), dueAt
// as a double (8), its kind (2), length of the name (2), of the line (2), nothing (2); name, line, content.
const RECORD_HEADER = 40;
const KIND_TASK = 1;
const MOST_TEXT_BYTES = 0xffff;

/** Memory that records are made in and read from: the same bytes, seen in three ways. */
export class RecordMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly view: DataView;

  constructor(memory: number | ArrayBuffer) {
    const buffer = typeof memory === "number" ? new ArrayBuffer(memory) : memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    this.view = new DataView(buffer);
  }
}

/** So many bytes are enough for a task's record, padding included. */
export function mostRecordBytes({ id, parts, acceptedLine }: JournalTask): number {
  let content = 0;
  for (const part of parts) content += part.length;
  const text = id.length + (acceptedLine?.length ?? 0);
  // A character of a string has three bytes or fewer.
  return RECORD_HEADER + 3 * text + content + UNIT;
}

/**
 * Writes a record; returns its length with its padding, or 0 when its texts are too long.
 *
 * @param at a multiple of {@link UNIT}; behind it there is room for {@link mostRecordBytes}
 */
export function writeRecord(
  memory: RecordMemory,
  at: number,
  journal: JournalId,
  position: number,
  task: JournalTask,
): number {
  const { bytes, words, view } = memory;
  let end = at + RECORD_HEADER;
  const nameLength = nameToBytes(task.id, bytes.subarray(end));
  end += nameLength;
  const line = task.acceptedLine;
  const lineLength = line === null ? 0 : nameToBytes(line, bytes.subarray(end));
  end += lineLength;
  if (nameLength > MOST_TEXT_BYTES || lineLength > MOST_TEXT_BYTES) return 0;
  for (const part of task.parts) {
    bytes.set(part, end);
    end += part.length;
  }
  const length = end - at;
  const padded = Math.ceil(length / UNIT) * UNIT;
  bytes.fill(0, end, at + padded);
  view.setUint32(at, journal[0], true);
  view.setUint32(at + 4, journal[1], true);
  setPosition(view, at + 8, position);
  view.setUint32(at + 16, length, true);
  view.setUint32(at + 20, 0, true);
  view.setFloat64(at + 24, task.dueAt, true);
  view.setUint16(at + 32, KIND_TASK, true);
  view.setUint16(at + 34, nameLength, true);
  view.setUint16(at + 36, lineLength, true);
  view.setUint16(at + 38, 0, true);
  view.setUint32(at + 20, checksumOf(bytes, words, at, length), true);
  return padded;
}

/**
 * Finds the records of a ring that are whole and not reclaimed, in any order.
 *
 * @param ring its bytes; zeros for what the disk would not give
 * @param tail the position before which all is reclaimed
 * @returns the records, and the positions of those whose checksums are wrong
 */
export function readRing(
  ring: RecordMemory,
  { id: [low, high], ringBytes }: Pick<JournalHeader, "id" | "ringBytes">,
  tail: number,
): { readonly records: JournalRecord[]; readonly damaged: number[] } {
  const { words } = ring;
  const ringUnits = ringBytes / UNIT;
  const records: JournalRecord[] = [];
  const damaged: number[] = [];
  for (let unit = 0; unit < ringUnits;) {
    if (words[2 * unit] !== low || words[2 * unit + 1] !== high) {
      unit++;
      continue;
    }
    const position = positionAt(ring.view, unit * UNIT + 8);
    const record = position >= tail && position % ringUnits === unit
      ? readRecord(ring, unit * UNIT, position)
      : undefined;
    if (record === null) damaged.push(position);
    if (record) records.push(record);
    unit = record ? unit + record.end - record.position : unit + 1;
  }
  return { records, damaged };
}

/** Null when it is damaged. */
function readRecord(
  { bytes, words, view }: RecordMemory,
  at: number,
  position: number,
): JournalRecord | null {
  const length = view.getUint32(at + 16, true);
  const nameLength = view.getUint16(at + 34, true);
  const lineLength = view.getUint16(at + 36, true);
  const textEnd = RECORD_HEADER + nameLength + lineLength;
  if (length < textEnd || at + length > bytes.length) return null;
  const checksum = view.getUint32(at + 20, true);
  view.setUint32(at + 20, 0, true);
  const isRight = checksumOf(bytes, words, at, length) === checksum;
  view.setUint32(at + 20, checksum, true);
  if (!isRight || view.getUint16(at + 32, true) !== KIND_TASK) return null;
  const nameAt = at + RECORD_HEADER;
  const lineAt = nameAt + nameLength;
  return {
    position,
    end: position + Math.ceil(length / UNIT),
    id: nameFromBytes(bytes.subarray(nameAt, lineAt)),
    dueAt: view.getFloat64(at + 24, true),
    content: bytes.slice(at + textEnd, at + length),
    acceptedLine: lineLength === 0
      ? null
      : nameFromBytes(bytes.subarray(lineAt, lineAt + lineLength)),
  };
}
