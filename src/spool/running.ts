/**
 * Which tasks run, so that after the death of a program it is known whose run that was.
 *
 * Each program has one file in `.spooler/running/` and keeps it locked: records of 1 KiB, each the id of
 * a task that runs and a NUL; one that begins with a NUL is free. So a run costs two small writes and no
 * new file. What a program leaves behind that died is locked by nobody: whoever finds it makes a mark of
 * each task it names, an empty file with the task's name, which the next claim of the task looks for.
 *
 * The marks are an aid: where one cannot be made (a full disk) the task runs all the same.
 */

import { join } from "node:path";
import type { Random } from "../platform/clock.ts";
import { nameFromBytes, nameFromShown, nameToBytes, nameToShow } from "../platform/name.ts";
import type { Claim } from "./claim.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import type { OpenFile } from "./files.ts";
import { RUNNING_DIR, taskId, type TaskRef } from "./layout.ts";

const PROGRAM_PREFIX = "program_";
/** Two names of 255 bytes, a slash, and the NUL. */
const RECORD_SIZE = 1024;
/** Written at once, so that a disk that fills up later does no harm to the first records. */
const FIRST_RECORDS = 4;
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

/** Tasks that one worker runs one after the other: a block of records, written at once. */
export interface RunningBatch {
  readonly firstRecord: number;
  readonly count: number;
}

/** Records of a block, and so the most tasks of a batch. */
const BLOCK_RECORDS = 1024;

export class RunningMarks {
  #own: OwnFile | null = null;
  /** Names of marks that were there at the last look; null before the first. */
  #marks: Set<string> | null = null;
  readonly #record = new Uint8Array(RECORD_SIZE);

  constructor(private readonly spool: SpoolDirectory, private readonly random: Random) {}

  /** The task runs from now on. */
  begin(ref: TaskRef): void {
    try {
      this.#own ??= this.#makeOwn();
      const own = this.#own;
      if (!own) return;
      const record = own.records.get(taskId(ref)) ?? own.free.pop() ?? own.size++;
      own.records.set(taskId(ref), record);
      this.#write(own, record, taskId(ref));
    } catch {
      // No mark is better than no run: see above.
    }
  }

  /** The task runs no longer, and no earlier run of it is held against it. */
  end(ref: TaskRef): void {
    const id = taskId(ref);
    const own = this.#own;
    const record = own?.records.get(id);
    if (own && record !== undefined) {
      own.records.delete(id);
      own.free.push(record);
      this.#write(own, record, "");
    }
    if (this.#marks?.has(markName(id)) ?? true) this.spool.removeIfThere(this.#markPath(id));
  }

  /**
   * These run from now on, one after the other; null where they cannot be noted. When the program
   * dies meanwhile all of them that are still there are held to have been at hand.
   */
  beginBatch(ids: readonly string[]): RunningBatch | null {
    try {
      this.#own ??= this.#makeOwn();
      const own = this.#own;
      if (!own) return null;
      const firstRecord = own.freeBlocks.pop() ?? own.size;
      own.size = Math.max(own.size, firstRecord + BLOCK_RECORDS);
      const count = Math.min(ids.length, BLOCK_RECORDS);
      const bytes = new Uint8Array(count * RECORD_SIZE);
      for (let i = 0; i < count; i++) {
        nameToBytes(ids[i] ?? "", bytes.subarray(i * RECORD_SIZE, (i + 1) * RECORD_SIZE));
      }
      this.#writeAt(own, firstRecord, bytes);
      return { firstRecord, count };
    } catch {
      // No mark is better than no run: see above.
      return null;
    }
  }

  /** None of them runs any longer. */
  endBatch({ firstRecord, count }: RunningBatch): void {
    const own = this.#own;
    // A file that was made anew knows nothing of earlier batches.
    if (!own || firstRecord >= own.size) return;
    this.#writeAt(own, firstRecord, new Uint8Array(count * RECORD_SIZE));
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

  /** Looks for what programs left behind that died. */
  refresh(): void {
    const dir = join(this.spool.path, RUNNING_DIR);
    // With the directory the own file goes, too.
    if (this.#own && !this.spool.exists(this.#own.path)) this.#letGo();
    const marks = new Set<string>();
    for (const entries of this.spool.list(dir)) {
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
    if (!this.#own) return;
    try {
      this.spool.removeIfThere(this.#own.path);
    } finally {
      this.#letGo();
    }
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
      for (let record = 0; record < FIRST_RECORDS; record++) this.#write(made, record, "");
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

  #write(own: OwnFile, record: number, id: string): void {
    const length = nameToBytes(id, this.#record);
    this.#record[length] = 0;
    this.#writeAt(own, record, this.#record.subarray(0, length + 1));
  }

  #writeAt({ file }: OwnFile, record: number, bytes: Uint8Array): void {
    file.seekSync(record * RECORD_SIZE, Deno.SeekMode.Start);
    file.writeSync(bytes);
  }

  /** The tasks that a program was running when it died; empty when it lives. */
  #takeOver(path: string): string[] {
    const look = this.spool.claims.look(path);
    if (look.kind !== "open") return [];
    const alive = look.locked;
    look.close();
    const claim = alive ? null : this.spool.claims.claim(path, Infinity);
    if (claim?.kind !== "claimed") return [];
    try {
      const ids = recordsIn(claim).filter((id) => this.spool.exists(join(this.spool.path, id)));
      const how = { write: true, create: true, mode: TASK_MODE };
      for (const id of ids) this.spool.files.openSync(this.#markPath(id), how).close();
      this.spool.files.removeSync(path);
      return ids;
    } finally {
      claim.release();
    }
  }

  #markPath(id: string): string {
    return join(this.spool.path, RUNNING_DIR, markName(id));
  }
}

function markName(id: string): string {
  return nameToShow(id.replace("/", "_"));
}

/** The task that a mark is about, from the spool directory on; null when it is none of a task. */
export function markedId(name: string): string | null {
  return name.startsWith(PROGRAM_PREFIX) ? null : nameFromShown(name.replace(/^([0-9]+)_/, "$1/"));
}

function recordsIn(claim: Claim): string[] {
  const ids: string[] = [];
  const record = new Uint8Array(RECORD_SIZE);
  for (let at = 0;; at += RECORD_SIZE) {
    const length = claim.read(record, at);
    if (length === 0) return ids;
    const end = record.subarray(0, length).indexOf(0);
    if (end !== 0) ids.push(nameFromBytes(record.subarray(0, end === -1 ? length : end)));
  }
}
