/**
 * Which tasks run, so that after the death of a program it is known whose run that was.
 *
 * Each program keeps one locked file of lists in `.spooler/running/` (run_list.ts). Of an unlocked one the
 * finder makes a mark for each task in it, which the next claim of that task finds; docs/spool-format.md
 * has both. Where a mark cannot be made (a full disk) the task runs all the same.
 */

import { join } from "@std/path";
import type { Random } from "../platform/clock.ts";
import { quietly } from "../platform/quietly.ts";
import { nameFromShown } from "../platform/name.ts";
import type { Claim } from "./claim.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import type { OpenFile } from "./files.ts";
import { isCut, isTaskId, markName, RUNNING_DIR, taskId, type TaskRef } from "./layout.ts";
import { ListReader, ListWriter, RECORD_SIZE } from "./run_list.ts";

const PROGRAM_PREFIX = "program_";
/** Behind the id of a task in a list: the process that runs it, as platform/orphans.ts names one. */
const PROCESS_PREFIX = "process ";
/** Written at once, so that a disk that fills up later does no harm to the first records. */
const FIRST_RECORDS = 4;
/** Read at a time, of another program's file. */
const READ_RECORDS = 64;
/** A longer file was not written by a program of ours. */
const MOST_FILE_BYTES = 256 * 1024 * 1024;
/** Names to try for the own file; another program can take one away before it is locked. */
const MOST_TRIES = 10;

/** This program's own file. */
interface OwnFile {
  readonly path: string;
  readonly file: OpenFile;
  /** Keeps it locked. */
  readonly claim: Claim;
  /** Record numbers by task id. */
  readonly records: Map<string, number>;
  readonly free: number[];
  /** First records of free blocks. */
  readonly freeBlocks: number[];
  size: number;
}

/** Tasks that one worker runs one after the other: one list in a block of records. */
export interface RunningBatch {
  /** Of the file that it is in. */
  readonly path: string;
  readonly firstRecord: number;
  /** Bytes of its list. */
  readonly length: number;
}

/** Records of a block. A longer list is cut off, and its last tasks are not noted. */
const BLOCK_RECORDS = 1024;

export class RunningMarks {
  #own: OwnFile | null = null;
  /** Names of marks that were there at the last {@link refresh}; null before the first. */
  #marks: Set<string> | null = null;
  readonly #writer = new ListWriter();

  constructor(private readonly spool: SpoolDirectory, private readonly random: Random) {}

  /** The task runs from now on. */
  begin(ref: TaskRef): void {
    const own = this.#ownFile();
    if (!own) return;
    const id = taskId(ref);
    const known = own.records.get(id);
    const record = known ?? own.free.at(-1) ?? own.size;
    if (!this.#note(own, record, this.#writer.list([id]))) return;
    if (known === undefined && own.free.pop() === undefined) own.size++;
    own.records.set(id, record);
  }

  #ownFile(): OwnFile | null {
    return this.#own ??= quietly(() => this.#makeOwn()) ?? null;
  }

  /** No mark is better than no run: see above. */
  #note(own: OwnFile, record: number, bytes: Uint8Array<ArrayBuffer>): boolean {
    return quietly(() => this.#writeAt(own, record, bytes)) !== undefined;
  }

  /** The task that has begun runs in this process; nothing where that cannot be noted. */
  noteProcess(ref: TaskRef, stamp: string): void {
    const id = taskId(ref);
    const record = this.#own?.records.get(id);
    if (!this.#own || record === undefined) return;
    this.#note(this.#own, record, this.#writer.list([id, PROCESS_PREFIX + stamp]));
  }

  /** In which process the last run of the task was that did not end; null when nobody noted it. */
  crashedProcess(ref: TaskRef): string | null {
    return this.spool.readText(this.#markPath(taskId(ref))) || null;
  }

  /** The task runs no longer, and no earlier run of it is held against it. */
  end(ref: TaskRef): void {
    const id = taskId(ref);
    const own = this.#own;
    const record = own?.records.get(id);
    if (own && record !== undefined) {
      own.records.delete(id);
      own.free.push(record);
      this.#note(own, record, this.#writer.blank(1));
    }
    if (this.#marks?.has(markName(id)) ?? true) this.spool.removeIfThere(this.#markPath(id));
  }

  /**
   * These run from now on, one after the other; null where they cannot be noted. When the program
   * dies meanwhile all of them that are still there count as having run.
   */
  beginBatch(ids: readonly string[]): RunningBatch | null {
    const own = this.#ownFile();
    if (!own) return null;
    const firstRecord = own.freeBlocks.at(-1) ?? own.size;
    const list = this.#writer.list(ids).subarray(0, BLOCK_RECORDS * RECORD_SIZE);
    if (!this.#note(own, firstRecord, list)) return null;
    if (own.freeBlocks.pop() === undefined) own.size += BLOCK_RECORDS;
    return { path: own.path, firstRecord, length: list.length };
  }

  /** None of them runs any longer. */
  endBatch({ path, firstRecord, length }: RunningBatch): void {
    const own = this.#own;
    // A file that was made anew knows nothing of earlier batches.
    if (own?.path !== path) return;
    this.#note(own, firstRecord, this.#writer.blank(length));
    own.freeBlocks.push(firstRecord);
  }

  /** Whether the last run of the task did not end: its program died. */
  hasCrashed(ref: TaskRef): boolean {
    if (!this.#marks) this.refresh();
    const id = taskId(ref);
    return this.#marks?.has(markName(id)) === true && this.spool.exists(this.#markPath(id));
  }

  /** Ids of the tasks during whose last run a program died. */
  crashed(): string[] {
    this.refresh();
    return [...this.#marks ?? []].map((name) => markedId(name) ?? name);
  }

  /** Takes over what dead programs left behind. */
  refresh(): void {
    const dir = join(this.spool.path, RUNNING_DIR);
    // With the directory the own file goes, too.
    if (this.#own && !this.spool.exists(this.#own.path)) this.#letGo();
    const marks = new Set<string>();
    for (const entries of this.spool.entries.list(dir)) {
      for (const { name } of entries) {
        const path = join(dir, name);
        if (!name.startsWith(PROGRAM_PREFIX)) marks.add(name);
        else if (path !== this.#own?.path) {
          for (const id of this.#takeOver(path)) marks.add(markName(id));
        }
      }
    }
    this.#marks = marks;
  }

  /** Nothing runs any more. */
  close(): void {
    const own = this.#own;
    if (!own) return;
    // Where it cannot be removed its lists are empty, and another program takes it over.
    quietly(() => this.spool.removeIfThere(own.path));
    this.#letGo();
  }

  #letGo(): void {
    this.#own?.file.close();
    this.#own?.claim.release();
    this.#own = null;
  }

  /** Null when another program is in the way again and again. */
  #makeOwn(): OwnFile | null {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const random = Math.floor(this.random() * 2 ** 31);
      const path = join(this.spool.path, RUNNING_DIR, `${PROGRAM_PREFIX}${Deno.pid}_${random}`);
      const how = { write: true, createNew: true, mode: TASK_MODE };
      const own = this.#lockOwn(path, this.spool.files.openSync(path, how));
      if (own) return own;
    }
    return null;
  }

  #lockOwn(path: string, file: OpenFile): OwnFile | null {
    let claim: Claim | null = null;
    let own: OwnFile | null = null;
    try {
      const claimed = this.spool.claims.claim(path, Infinity);
      if (claimed.kind !== "claimed") return null;
      claim = claimed;
      const none = { records: new Map(), free: [], freeBlocks: [], size: 0 };
      const made: OwnFile = { path, file, claim, ...none };
      for (let record = 0; record < FIRST_RECORDS; record++) {
        this.#writeAt(made, record, this.#writer.blank(1));
      }
      own = made;
      return own;
    } finally {
      if (!own) {
        file.close();
        claim?.release();
        // On a full disk this is tried for each task: nothing may pile up.
        this.spool.removeIfThere(path);
      }
    }
  }

  #writeAt({ file }: OwnFile, record: number, bytes: Uint8Array): number {
    file.seekSync(record * RECORD_SIZE, Deno.SeekMode.Start);
    return file.writeSync(bytes);
  }

  /** The tasks that a program was running when it died; empty when it lives. */
  #takeOver(path: string): string[] {
    const file = this.spool.claims.peek(path);
    if (file.kind !== "open") return [];
    const alive = file.locked;
    file.close();
    const claim = alive ? null : this.spool.claims.claim(path, Infinity);
    if (claim?.kind !== "claimed") return [];
    try {
      const { size, uid } = claim.stat;
      if (size > MOST_FILE_BYTES || !this.spool.claims.trusts(uid)) return [];
      const names = namesIn(claim);
      const ids = names.filter((id) =>
        isTaskId(id) && this.spool.exists(`${this.spool.path}/${id}`)
      );
      const stamps = stampsIn(names);
      for (const id of ids) this.#mark(id, stamps.get(id));
      this.spool.files.removeSync(path);
      return ids;
    } finally {
      claim.release();
    }
  }

  /** @param stamp of the process that ran it */
  #mark(id: string, stamp: string | undefined): void {
    const how = { write: true, create: true, mode: TASK_MODE };
    const file = this.spool.files.openSync(this.#markPath(id), how);
    try {
      // On a disk that is full the mark alone has to do.
      if (stamp !== undefined) quietly(() => file.writeSync(new TextEncoder().encode(stamp)));
    } finally {
      file.close();
    }
  }

  #markPath(id: string): string {
    return `${this.spool.path}/${RUNNING_DIR}/${markName(id)}`;
  }
}

/** The task that a mark is about, from the spool directory on; null when it is not of a task. */
export function markedId(name: string): string | null {
  if (name.startsWith(PROGRAM_PREFIX) || isCut(name)) return null;
  return nameFromShown(name.replace(/^([0-9]+)_/, "$1/"));
}

/** Of the processes that ran tasks, by the id before each: a batch may have the same id without one. */
function stampsIn(names: readonly string[]): Map<string, string> {
  const stamps = new Map<string, string>();
  for (const [i, name] of names.entries()) {
    if (!name.startsWith(PROCESS_PREFIX)) continue;
    stamps.set(names[i - 1] ?? "", name.slice(PROCESS_PREFIX.length));
  }
  return stamps;
}

/** What the lists of a file of `.spooler/running/` say. */
function namesIn(file: Claim): string[] {
  const lists = new ListReader();
  const records = new Uint8Array(READ_RECORDS * RECORD_SIZE);
  for (let at = 0;; at += records.length) {
    const length = file.read(records, at);
    for (let record = 0; record < length; record += RECORD_SIZE) {
      lists.push(records.subarray(record, Math.min(record + RECORD_SIZE, length)));
    }
    if (length < records.length) return lists.names;
  }
}
