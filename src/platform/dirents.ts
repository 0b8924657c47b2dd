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
/** Bytes of a directory that are read at a time. */
export const DIRENTS_SIZE = 64 * 1024;

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

/** Calls back for each name, with the bytes that the kernel has written, which end with a NUL. */
export function visitNames(
  { buffer, view, length }: Dirents,
  visit: (name: string, bytes: Uint8Array<ArrayBuffer>) => void,
): void {
  const next = (at: number) => at + view.getUint16(at + LENGTH_AT, true);
  for (let at = 0; at < length;) {
    const first = at;
    let size = 0;
    let bits = 0;
    for (; at < length && size < NAMES_SIZE; at = next(at)) {
      let from = at + NAME_AT;
      while (true) {
        const byte = buffer[from++] as number;
        bits |= byte;
        gathered[size++] = byte;
        if (byte === 0) break;
      }
    }
    // Decoded in one call, which takes as long as for one name. Nearly all are ASCII, and each byte a character.
    const text = bits < 0x80 ? ascii.decode(gathered.subarray(0, size)) : null;
    let start = 0;
    for (let each = first; each < at; each = next(each)) {
      const bytes = buffer.subarray(each + NAME_AT);
      if (text === null) visit(nameAt(buffer, each + NAME_AT), bytes);
      else {
        const end = text.indexOf("\0", start);
        visit(text.slice(start, end), bytes);
        start = end + 1;
      }
    }
  }
}

/** Names that are decoded together. No more: each of them holds the text of all. */
const NAMES_SIZE = 4096;
const LONGEST_NAME = 256;
const gathered = new Uint8Array(NAMES_SIZE + LONGEST_NAME);
/** Makes texts of one byte a character, as others that decode bytes do not. */
const ascii = new TextDecoder();

function* read(libc: Libc, fd: number): Generator<Dirents> {
  try {
    yield* readDirents(libc, fd);
  } finally {
    libc.close(fd);
  }
}

/** The entries of a directory, a piece at a time: each is gone when the next is asked for. */
export function* readDirents(libc: Libc, fd: number): Generator<Dirents> {
  const dirents = new Dirents();
  while (true) {
    dirents.length = libc.readEntries(fd, dirents.buffer);
    if (dirents.length <= 0) return;
    yield dirents;
  }
}

/** One buffer full of a directory's entries. */
export class Dirents {
  readonly buffer = new Uint8Array(DIRENTS_SIZE);
  readonly view = new DataView(this.buffer.buffer);
  /** Of what is in it, in bytes. */
  length = 0;
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
