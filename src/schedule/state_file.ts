/**
 * The state file: the last slot and the last run of every job, kept on disk.
 *
 * A slot is recorded before its job starts; the commit point is the rename, with the file synced
 * before and the directory after it. A crash right behind it costs this run (catchup= does not make
 * it up, as it counts as run): a job runs at most once per slot. How a run ended is written soon
 * after, without a sync: losing that costs a line of `spooler jobs`.
 *
 * Beside it a lock file says which program runs the schedules. Two programs with one state file are
 * one set of jobs: the second waits until the first has ended.
 */

import { dirname } from "@std/path";
import type { Cancel, Clock } from "../platform/clock.ts";
import {
  decodeRecords,
  encodeRecords,
  type JobRecord,
  type LastRun,
  withoutForgotten,
} from "./record.ts";
import { reasonOf } from "../platform/reason.ts";

/** Results that come in meanwhile are written together. */
const SOON_MS = 1000;
const FILE_MODE = 0o640;

/** Reads a state file without holding it; a file that does not exist is empty. */
export async function readRecords(path: string): Promise<Map<string, JobRecord>> {
  try {
    return decodeRecords(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
}

export interface StateFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Called when the file cannot be read or written: once, until it can be again. */
  warn(message: string): void;
}

export class StateFile {
  readonly #options: StateFileOptions;
  #lock: Deno.FsFile | null = null;
  #records = new Map<string, JobRecord>();
  /** Runs by hand of jobs that were never due: the file is about slots, and has none of them. */
  readonly #runsByHand = new Map<string, LastRun>();
  /** The write under way, and the one behind it that everybody meanwhile waits for. */
  #writing: Promise<void> | null = null;
  #next: { readonly done: Promise<void>; durable: boolean } | null = null;
  #cancelSoon: Cancel | null = null;
  #broken = false;
  /** Something was set that no write has begun with. */
  #changed = false;
  #closed = false;

  constructor(options: StateFileOptions) {
    this.#options = options;
  }

  /**
   * Waits until no other program has this file, and reads it.
   *
   * @param waiting called when another program has it
   */
  async open(waiting: () => void): Promise<void> {
    const { path, clock } = this.#options;
    try {
      await Deno.mkdir(dirname(path), { recursive: true, mode: 0o750 });
      const lock = await Deno.open(`${path}.lock`, { create: true, write: true, mode: FILE_MODE });
      const cancel = clock.after(SOON_MS / 2, waiting);
      try {
        await lock.lock(true);
      } finally {
        cancel();
      }
      // The stop came while another program had it.
      if (this.#closed) return lock.close();
      this.#lock = lock;
    } catch (error) {
      this.#say(error);
    }
    try {
      this.#records = withoutForgotten(await readRecords(path), clock.now());
    } catch (error) {
      this.#say(error);
    }
  }

  get(id: string): JobRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** The record of a job, taken over from its former names when it has none; these are gone then. */
  adopt(id: string, formerIds: readonly string[]): JobRecord | null {
    const known = this.get(id);
    if (known !== null) return known;
    const former = formerIds.flatMap((each) => this.get(each) ?? []);
    const [latest] = former.sort((a, b) => b.slotAt - a.slotAt);
    if (latest === undefined) return null;
    for (const each of formerIds) this.#records.delete(each);
    this.set(id, latest);
    return latest;
  }

  set(id: string, record: JobRecord): void {
    this.#records.set(id, record);
    this.#changed = true;
  }

  lastRun(id: string): LastRun | null {
    return this.get(id)?.run ?? this.#runsByHand.get(id) ?? null;
  }

  /** A run has begun or ended. One that began before the last says nothing new. */
  noteRun(id: string, run: LastRun): void {
    if ((this.lastRun(id)?.startedAt ?? 0) > run.startedAt) return;
    const record = this.get(id);
    if (record === null) return void this.#runsByHand.set(id, run);
    this.set(id, { ...record, run });
    this.saveSoon();
  }

  /** Resolves when what is set now is on disk, or cannot be brought there, which is said. */
  commit(): Promise<void> {
    return this.#write(true);
  }

  /** Has what is set written within the next second. */
  saveSoon(): void {
    this.#cancelSoon ??= this.#options.clock.after(SOON_MS, () => {
      this.#cancelSoon = null;
      void this.#write(false);
    });
  }

  /**
   * Writes what is left and lets other programs have the file. It may not have been read yet: then
   * nothing is left to be written, and least of all that there is nothing.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSoon?.();
    this.#cancelSoon = null;
    if (this.#lock !== null) {
      await (this.#changed ? this.#write(true) : this.#next?.done ?? this.#writing);
    }
    this.#lock?.close();
    this.#lock = null;
  }

  /** Group commit: callers that come while a write is under way share the next. */
  #write(durable: boolean): Promise<void> {
    if (this.#next === null) {
      const next = { done: (this.#writing ?? Promise.resolve()).then(() => run()), durable };
      const run = async () => {
        this.#next = null;
        this.#writing = this.#writeNow(next.durable);
        await this.#writing;
      };
      this.#next = next;
    }
    if (durable) this.#next.durable = true;
    return this.#next.done;
  }

  async #writeNow(durable: boolean): Promise<void> {
    const { path } = this.#options;
    const tmp = `${path}.tmp`;
    this.#changed = false;
    try {
      {
        using file = await Deno.open(tmp, {
          ...{ write: true, create: true, truncate: true },
          mode: FILE_MODE,
        });
        const bytes = new TextEncoder().encode(encodeRecords(this.#records));
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
        if (durable) await file.sync();
      }
      await Deno.rename(tmp, path);
      if (durable) {
        using directory = await Deno.open(dirname(path));
        await directory.sync();
      }
      this.#broken = false;
    } catch (error) {
      this.#changed = true;
      this.#say(error);
    }
  }

  #say(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    const reason = reasonOf(error);
    this.#options.warn(
      `${this.#options.path} cannot be used, so a restart may repeat or miss a job: ${reason}`,
    );
  }
}
