/**
 * Lists an open directory piece by piece, in the file system's order, never holding more than one buffer
 * of it: by getdents64, which writes struct linux_dirent64, one behind the other.
 */

import type { Libc } from "./libc.ts";
import { nameFromBytes } from "./name.ts";

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "other" | "unknown";
}

/** A regular file in a directory. */
export interface ListedFile {
  readonly name: string;
  /** Milliseconds since the epoch, with fractions. */
  readonly mtimeMs: number;
}

/** Files that are asked about in one go. */
const FILES_AT_ONCE = 100;
const BUFFER_SIZE = 64 * 1024;

/** The entries that `isWanted` by their kind; closes the descriptor at the end. */
export function* list(
  libc: Libc,
  fd: number,
  isWanted: (kind: DirectoryEntry["kind"]) => boolean = () => true,
): Generator<DirectoryEntry[]> {
  for (const dirents of read(libc, fd)) yield entriesOf(dirents, isWanted);
}

/**
 * The wanted ones among the regular files; closes the descriptor at the end. Each is asked about by its
 * name as the kernel has just written it, which saves a path.
 */
export function* listFiles(
  libc: Libc,
  fd: number,
  isWanted: (name: string) => boolean,
): Generator<ListedFile[]> {
  let files: ListedFile[] = [];
  for (const { buffer, view, length } of read(libc, fd)) {
    for (let at = 0; at < length; at += view.getUint16(at + LENGTH_AT, true)) {
      const type = buffer[at + TYPE_AT];
      if (type !== DT_REG && type !== DT_UNKNOWN) continue;
      const name = nameAt(buffer, at + NAME_AT);
      if (!isWanted(name)) continue;
      const mtimeMs = libc.fileTime(fd, buffer.subarray(at + NAME_AT));
      if (mtimeMs !== null) files.push({ name, mtimeMs });
      if (files.length < FILES_AT_ONCE) continue;
      yield files;
      files = [];
    }
  }
  yield files;
}

/**
 * Calls back for each name, with the bytes that the kernel has written, which end with a NUL and are gone
 * afterwards; after each piece of the directory it yields. Closes the descriptor at the end.
 */
export function* visitNames(
  libc: Libc,
  fd: number,
  visit: (name: string, bytes: Uint8Array<ArrayBuffer>) => void,
): Generator<void> {
  for (const { buffer, view, length } of read(libc, fd)) {
    // All names in one call: most are ASCII, of which each byte becomes one character.
    const text = latin1.decode(buffer.subarray(0, length));
    for (let at = 0; at < length; at += view.getUint16(at + LENGTH_AT, true)) {
      const start = at + NAME_AT;
      const name = text.slice(start, text.indexOf("\0", start));
      visit(ASCII.test(name) ? name : nameAt(buffer, start), buffer.subarray(start));
    }
    yield;
  }
}

const latin1 = new TextDecoder("latin1");
const ASCII = /^[\x20-\x7e]*$/;

function* read(libc: Libc, fd: number): Generator<Dirents> {
  const buffer = new Uint8Array(BUFFER_SIZE);
  const view = new DataView(buffer.buffer);
  try {
    while (true) {
      const length = libc.readEntries(fd, buffer);
      if (length <= 0) return;
      yield { buffer, view, length };
    }
  } finally {
    libc.close(fd);
  }
}

/** One buffer full of a directory's entries. */
interface Dirents {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly length: number;
}

/** ino, off, u16 length of the record, u8 type, name up to a NUL. */
const LENGTH_AT = 16;
const TYPE_AT = 18;
const NAME_AT = 19;

const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_REG = 8;

/** An entry before its name is made into text: most of a million are not wanted. */
interface RawEntry {
  readonly kind: DirectoryEntry["kind"];
  /** Where its name begins in the buffer; a NUL ends it. */
  readonly nameAt: number;
}

function* rawEntries({ buffer, view, length }: Dirents): Generator<RawEntry> {
  for (let at = 0; at < length; at += view.getUint16(at + LENGTH_AT, true)) {
    yield { kind: kindOf(buffer[at + TYPE_AT] as number), nameAt: at + NAME_AT };
  }
}

function nameAt(buffer: Uint8Array, at: number): string {
  return nameFromBytes(buffer.subarray(at, buffer.indexOf(0, at)));
}

/** The entries that `isWanted` by their kind, without `.` and `..`. */
function entriesOf(
  dirents: Dirents,
  isWanted: (kind: DirectoryEntry["kind"]) => boolean,
): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (const entry of rawEntries(dirents)) {
    if (!isWanted(entry.kind)) continue;
    const name = nameAt(dirents.buffer, entry.nameAt);
    if (name !== "." && name !== "..") entries.push({ name, kind: entry.kind });
  }
  return entries;
}

function kindOf(type: number): DirectoryEntry["kind"] {
  switch (type) {
    case DT_UNKNOWN:
      return "unknown";
    case DT_DIR:
      return "directory";
    case DT_REG:
      return "file";
    default:
      return "other";
  }
}
