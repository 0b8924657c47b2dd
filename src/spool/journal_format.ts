/**
 * The bytes of a journal (docs/spool-format.md has the same in prose). A file has, each on pages of its
 * own: its header, twice; how much of it is reclaimed, twice; marks of tasks that are done; and the
 * ring, in which records follow one another.
 *
 * A record's position counts 8 bytes from the first record that the file ever had, so its place in the
 * ring is the position modulo the ring's size, and what is older is smaller. Each record begins with the
 * journal's id, a secret of 64 bits: nobody can put bytes into a task that look like a record.
 *
 * @pure
 */

import { checksumOf } from "../platform/checksum.ts";

export const JOURNAL_VERSION = 1;
const MAGIC = new TextEncoder().encode("spooler journal\n");

export const PAGE = 4096;
/** A write of the journal begins and ends at a multiple of this: so a torn one damages no other. */
export const SECTOR = 512;
/** Positions are counted in these many bytes. */
export const UNIT = 8;
export const UNITS_A_SECTOR = SECTOR / UNIT;
/** A file that says more was not made by this program. */
export const MOST_RING_BYTES = 64 * 1024 * 1024;

const HEADER_OFFSETS: readonly number[] = [0, PAGE];
const TAIL_OFFSETS: readonly number[] = [2 * PAGE, 2 * PAGE + SECTOR];
export const DONE_OFFSET = 3 * PAGE;
/** A mark of a done task, of 8 bytes, for each so many bytes of the ring. */
const RING_BYTES_A_MARK = 256;

const IDENTITY_OFFSET = 48;
const MOST_IDENTITY_BYTES = SECTOR - IDENTITY_OFFSET;

/** Two numbers of 32 bits. */
export type JournalId = readonly [low: number, high: number];

export interface JournalHeader {
  readonly id: JournalId;
  readonly ringBytes: number;
  /** Which kernel, since which boot, has the files of this file system in its memory. */
  readonly identity: string;
}

export function doneBytesOf(ringBytes: number): number {
  return Math.ceil((ringBytes / RING_BYTES_A_MARK * 8) / PAGE) * PAGE;
}

export function ringOffsetOf(ringBytes: number): number {
  return DONE_OFFSET + doneBytesOf(ringBytes);
}

export function journalBytesOf(ringBytes: number): number {
  return ringOffsetOf(ringBytes) + ringBytes;
}

interface Sector {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly view: DataView;
}

function sectorOf(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SECTOR)): Sector {
  return {
    bytes,
    words: new Uint32Array(bytes.buffer),
    view: new DataView(bytes.buffer),
  };
}

/** Of all bytes of a sector but the checksum's own. */
function seal({ bytes, words, view }: Sector, checksumAt: number): void {
  view.setUint32(checksumAt, 0, true);
  view.setUint32(checksumAt, checksumOf(bytes, words, 0, SECTOR), true);
}

function isSealed({ bytes, words, view }: Sector, checksumAt: number): boolean {
  const checksum = view.getUint32(checksumAt, true);
  view.setUint32(checksumAt, 0, true);
  const isRight = checksumOf(bytes, words, 0, SECTOR) === checksum;
  view.setUint32(checksumAt, checksum, true);
  return isRight;
}

/** What is written, and where, for each copy of a header. */
export function headerWrites(
  { id, ringBytes, identity }: JournalHeader,
): { offset: number; bytes: Uint8Array<ArrayBuffer> }[] {
  const sector = sectorOf();
  const text = new TextEncoder().encode(identity).subarray(0, MOST_IDENTITY_BYTES);
  sector.bytes.set(MAGIC);
  sector.view.setUint32(16, JOURNAL_VERSION, true);
  sector.view.setUint32(24, id[0], true);
  sector.view.setUint32(28, id[1], true);
  sector.view.setUint32(32, ringBytes, true);
  sector.view.setUint32(36, text.length, true);
  sector.bytes.set(text, IDENTITY_OFFSET);
  seal(sector, 20);
  return HEADER_OFFSETS.map((offset) => ({ offset, bytes: sector.bytes }));
}

export type ReadHeader =
  | ({ readonly kind: "header" } & JournalHeader)
  /** Of a later version of the program. */
  | { readonly kind: "unknown"; readonly version: number }
  /** Nothing but zeros: the program died while it made the file. */
  | { readonly kind: "empty" }
  | { readonly kind: "damaged" };

/** @param start the first bytes of the file, at least two pages of them */
export function readHeader(start: Uint8Array): ReadHeader {
  if (start.subarray(0, 2 * PAGE).every((byte) => byte === 0)) return { kind: "empty" };
  let other: ReadHeader = { kind: "damaged" };
  for (const offset of HEADER_OFFSETS) {
    const sector = sectorOf(start.slice(offset, offset + SECTOR));
    if (sector.bytes.length < SECTOR || MAGIC.some((byte, i) => sector.bytes[i] !== byte)) continue;
    const { view } = sector;
    const version = view.getUint32(16, true);
    if (version !== JOURNAL_VERSION) other = { kind: "unknown", version };
    if (version !== JOURNAL_VERSION || !isSealed(sector, 20)) continue;
    const end = IDENTITY_OFFSET + view.getUint32(36, true);
    const identity = new TextDecoder().decode(sector.bytes.subarray(IDENTITY_OFFSET, end));
    const id: JournalId = [view.getUint32(24, true), view.getUint32(28, true)];
    return { kind: "header", id, ringBytes: view.getUint32(32, true), identity };
  }
  return other;
}

/** Which copy of the tail is written for the nth time. */
export function tailWrite(
  id: JournalId,
  tail: number,
  count: number,
): { offset: number; bytes: Uint8Array<ArrayBuffer> } {
  const sector = sectorOf();
  sector.view.setUint32(0, id[0], true);
  sector.view.setUint32(4, id[1], true);
  setPosition(sector.view, 8, tail);
  seal(sector, 16);
  return { offset: TAIL_OFFSETS[count % TAIL_OFFSETS.length] as number, bytes: sector.bytes };
}

/** The position up to which all is reclaimed; 0 when neither copy can be read. */
export function readTail(id: JournalId, start: Uint8Array): number {
  let tail = 0;
  for (const offset of TAIL_OFFSETS) {
    const sector = sectorOf(start.slice(offset, offset + SECTOR));
    if (sector.bytes.length < SECTOR || !isSealed(sector, 16)) continue;
    if (sector.words[0] !== id[0] || sector.words[1] !== id[1]) continue;
    tail = Math.max(tail, positionAt(sector.view, 8));
  }
  return tail;
}

export function setPosition(view: DataView, at: number, position: number): void {
  view.setUint32(at, position % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(position / 2 ** 32), true);
}

export function positionAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + 2 ** 32 * view.getUint32(at + 4, true);
}
