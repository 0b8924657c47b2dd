/**
 * The files of a spool's journals: `.spooler/journal`, and `.spooler/journal.1` and so on for programs
 * that work on the spool at the same time. Whoever uses one holds its flock; what is not locked was left
 * behind by a program that has ended.
 */

import { statfsSync } from "node:fs";
import type { DurableCalls } from "../platform/durable_calls.ts";
import type { Libc } from "../platform/libc.ts";
import { SystemError } from "../platform/libc.ts";
import {
  EEXIST,
  ENOENT,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
} from "../platform/linux.ts";
import { isMasked } from "../platform/umask.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import {
  DONE_OFFSET,
  doneBytesOf,
  headerWrites,
  journalBytesOf,
  type JournalHeader,
  type JournalId,
  MOST_RING_BYTES,
  readHeader,
  readTail,
  ringOffsetOf,
  tailWrite,
  UNITS_A_SECTOR,
} from "./journal_format.ts";
import { readDoneMarks } from "./journal_marks.ts";
import { type JournalRecord, readRing, RecordMemory } from "./journal_record.ts";
import { JOURNAL_FILE, STATE_DIR, TMP_DIR } from "./layout.ts";
import type { SpoolRoot } from "./root.ts";
import { syncDirectoryNow } from "./sync.ts";

/** More programs than anybody has on one spool. */
const MOST_JOURNALS = 16;
/** Written at a time while a file is made. */
const ZEROS = new Uint8Array(1024 * 1024);
/** A journal takes this part of what is free on the disk, or less. */
const PART_OF_FREE = 8;
/** Rings of these sizes are made, the largest for which there is room. */
export const RING_SIZES: readonly number[] = [16, 4, 1].map((mib) => mib * 1024 * 1024);

/** A journal that this process has locked. */
export interface HeldJournal {
  readonly fd: number;
  readonly path: string;
  readonly header: JournalHeader;
}

/** One that was found, with what is in it. */
export interface FoundJournal extends HeldJournal {
  /** Not reclaimed yet, in their order. */
  readonly records: readonly JournalRecord[];
  /** How many more there were, and cannot be read. */
  readonly damaged: number;
  /** Read when they are asked for. */
  marks(): ReadonlySet<bigint>;
  /** It has lost bytes at its end. */
  readonly isShort: boolean;
  /** Behind all of its records. */
  readonly head: number;
  readonly tail: number;
}

/** A file that is left as it is, and why. */
export interface StrangeJournal {
  readonly path: string;
  readonly reason: string;
}

export class JournalFiles {
  constructor(
    private readonly spool: SpoolDirectory,
    private readonly root: SpoolRoot,
    private readonly calls: DurableCalls,
  ) {}

  get #libc(): Libc {
    return this.root.libc;
  }

  #pathOf(number: number): string {
    return `${this.root.path}/${JOURNAL_FILE}${number === 0 ? "" : `.${number}`}`;
  }

  /** Locks the journals that nobody uses, and reads them. */
  takeOver(): { readonly found: FoundJournal[]; readonly strange: StrangeJournal[] } {
    const found: FoundJournal[] = [];
    const strange: StrangeJournal[] = [];
    for (let number = 0; number < MOST_JOURNALS; number++) {
      const path = this.#pathOf(number);
      const fd = this.root.in(
        path,
        (at, name) => this.#libc.open(at, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK),
      );
      if (fd === -ENOENT) continue;
      const read = fd < 0
        ? { path, reason: new SystemError("open", path, -fd).message }
        : this.#read(fd, path);
      if (read !== null && "header" in read) found.push(read);
      else if (fd >= 0) this.#libc.close(fd);
      if (read !== null && !("header" in read)) strange.push(read);
    }
    return { found, strange };
  }

  /** Null when another program uses it, or has just removed it. */
  #read(fd: number, path: string): FoundJournal | StrangeJournal | null {
    const { kind, links, uid, identity, size } = this.#libc.fstat(fd);
    if (kind !== "file" || links > 1 || !this.root.trusts(uid)) {
      return { path, reason: "it is no file of this program's" };
    }
    if (!this.calls.tryLock(fd)) return null;
    if (!this.#leadsTo(path, identity)) return null;
    const start = this.#bytes(fd, 0, DONE_OFFSET);
    const header = readHeader(start);
    if (header.kind === "unknown") {
      return { path, reason: `its format is version ${header.version}, of a later program` };
    }
    if (header.kind !== "header" || header.ringBytes > MOST_RING_BYTES) {
      return { path, reason: "it is damaged" };
    }
    const { id, ringBytes } = header;
    const ring = new RecordMemory(this.#bytes(fd, ringOffsetOf(ringBytes), ringBytes).buffer);
    const tail = readTail(id, start);
    const { records, damaged } = readRing(ring, header, tail);
    const head = records.reduce((most, { end }) => Math.max(most, end), tail);
    return {
      ...{ fd, path, header, tail, isShort: size < journalBytesOf(ringBytes) },
      head: Math.ceil(head / UNITS_A_SECTOR) * UNITS_A_SECTOR,
      records: records.toSorted((a, b) => a.position - b.position),
      // Behind the last whole record is what the cut has torn, which was never acknowledged.
      damaged: damaged.filter((position) => position < head).length,
      marks: once(() => readDoneMarks(this.#bytes(fd, DONE_OFFSET, doneBytesOf(ringBytes)))),
    };
  }

  /** Zeros where the file ends. */
  #bytes(fd: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#libc.read(fd, bytes, offset);
    return bytes;
  }

  /**
   * Makes a journal, with all its blocks on disk, and locks it.
   *
   * @throws {SystemError} when the disk is full, for example; then nothing is left of it
   */
  make(id: JournalId, ringBytes: number, identity: string): HeldJournal {
    const header: JournalHeader = { id, ringBytes, identity };
    const tmp = `${this.root.path}/${TMP_DIR}/journal_${Deno.pid}_${id[0]}`;
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = this.#check(
      "create",
      tmp,
      this.root.in(tmp, (at, name) => this.#libc.open(at, name, flags, TASK_MODE)),
    );
    let made = false;
    try {
      this.#own(fd, tmp);
      // Blocks that follow each other, where the file system can; then each of them written, so that
      // no later write of it changes more than its bytes.
      this.#check("allocate", tmp, this.calls.allocate(fd, journalBytesOf(ringBytes)));
      for (let at = 0; at < journalBytesOf(ringBytes); at += ZEROS.length) {
        const length = Math.min(ZEROS.length, journalBytesOf(ringBytes) - at);
        this.#check("write", tmp, this.calls.write(fd, ZEROS.subarray(0, length), at));
      }
      this.writeHeader({ fd, path: tmp, header }, identity);
      if (!this.calls.tryLock(fd)) throw new Error(`lock ${tmp}: another program has locked it`);
      const path = this.#rename(tmp);
      made = true;
      return { fd, path, header };
    } finally {
      if (!made) {
        this.root.in(tmp, (at, name) => this.#libc.unlink(at, name));
        this.#libc.close(fd);
      }
    }
  }

  #rename(tmp: string): string {
    for (let number = 0; number < MOST_JOURNALS; number++) {
      const path = this.#pathOf(number);
      const renamed = this.root.in(
        tmp,
        (fromAt, from) =>
          this.root.in(path, (toAt, to) => this.#libc.renameToNew(fromAt, from, toAt, to)),
      );
      if (renamed === -EEXIST) continue;
      this.#check("rename", tmp, renamed);
      // Without a journal of its own a file system may keep the old name, too: then it is no file of ours.
      for (const dir of [STATE_DIR, TMP_DIR]) {
        syncDirectoryNow(`${this.root.path}/${dir}`, this.spool.files);
      }
      return path;
    }
    throw new Error(`${MOST_JOURNALS} programs have a journal in this spool already`);
  }

  #own(fd: number, path: string): void {
    const { owner } = this.root;
    if (isMasked(TASK_MODE)) this.#check("chmod", path, this.#libc.chmod(fd, TASK_MODE));
    if (owner) this.#check("chown", path, this.#libc.chown(fd, owner.uid, owner.gid));
  }

  /** The journal is of this boot from now on: on disk, one copy after the other. */
  writeHeader({ fd, path, header }: HeldJournal, identity: string): void {
    for (const { offset, bytes } of headerWrites({ ...header, identity })) {
      this.#check("write", path, this.calls.write(fd, bytes, offset));
      this.#check("sync", path, this.calls.sync(fd));
    }
  }

  /** Nothing in the journal is of any use from now on: on disk, one copy after the other. */
  empty({ fd, path, header, head }: FoundJournal): void {
    for (const copy of [0, 1]) {
      const { offset, bytes } = tailWrite(header.id, head, copy);
      this.#check("write", path, this.calls.write(fd, bytes, offset));
      this.#check("sync", path, this.calls.sync(fd));
    }
  }

  /** Lets go of a journal that is of no use any more. */
  discard({ fd, path }: HeldJournal): void {
    if (this.#leadsTo(path, this.#libc.fstat(fd).identity)) {
      this.root.in(path, (at, name) => this.#libc.unlink(at, name));
    }
    this.#libc.close(fd);
  }

  #leadsTo(path: string, identity: string): boolean {
    return this.root.in(
      path,
      (at, name) => this.#libc.lstat(at, name)?.identity === identity ? 0 : -ENOENT,
    ) === 0;
  }

  /** Lets go of a journal; it stays as it is. */
  close({ fd }: HeldJournal): void {
    this.#libc.close(fd);
  }

  /** The largest ring for which there is room; null when there is none. */
  ringFor(sizes: readonly number[]): number | null {
    const { bavail, bsize } = statfsSync(this.root.path);
    return sizes.find((size) => size * PART_OF_FREE <= bavail * bsize) ?? null;
  }

  #check(call: string, path: string, result: number): number {
    if (result < 0) throw new SystemError(call, path, -result);
    return result;
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
