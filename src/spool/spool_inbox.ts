/**
 * All that takes new tasks into one spool in a thread of their own: the rest of the store, in the main
 * thread, only sees the files. The ids of accepted tasks are this thread's alone.
 */

import { statfsSync } from "node:fs";
import type { Clock, Random } from "../platform/clock.ts";
import { durableCalls } from "../platform/durable_calls.ts";
import { socketCalls } from "../platform/socket_calls.ts";
import type { NewTask } from "../task/new_task.ts";
import { AcceptedIds, type KnownIds, type SentId } from "./accepted_ids.ts";
import { BatchIntake } from "./batch_intake.ts";
import type { Files } from "./files.ts";
import { SpoolDirectory } from "./directory.ts";
import { Intake } from "./intake.ts";
import { Journal, type JournalPlace } from "./journal.ts";
import { Landing } from "./landing.ts";
import { TaskNames } from "./layout.ts";
import type { SpoolLimits } from "./limits.ts";
import type { Platform } from "./platform.ts";
import type { PutResult } from "./put_result.ts";
import { Scanner } from "./scan.ts";
import { UniqueTasks } from "./unique_tasks.ts";
import { TaskCount } from "./task_count.ts";

export interface InboxSettings {
  readonly fsync: boolean;
  readonly limits: SpoolLimits;
  readonly dedupWindowMs: number;
  /** Null is without a journal. */
  readonly journal: JournalPlace | null;
}

export interface SpoolInboxOptions {
  readonly dir: string;
  readonly settings: InboxSettings;
  /** The ids that another thread has recovered; absent is to recover them here. */
  readonly known?: KnownIds | undefined;
  readonly platform: Platform;
  /** Absent is the machine's own. */
  readonly files?: Files;
  readonly clock: Clock;
  readonly random: Random;
  /** In the name of each task that comes in here: see {@link arrivalMark}. */
  readonly mark: number;
  /** A task that the journal has, and that was refused after all. */
  readonly gone: (id: string) => void;
}

/** Uniform numbers below this are in the names of tasks. */
const RANDOM_END = 2 ** 31;

export class SpoolInbox {
  readonly #spool: SpoolDirectory;
  readonly #ids: AcceptedIds;
  readonly #single: Intake;
  readonly #batch: BatchIntake;
  #place: JournalPlace | null = null;
  #journal: Journal | null = null;
  /** Of the journal. */
  #fd = -1;
  #hasWished = false;

  /** @throws {Error} when the directory cannot be used */
  constructor(options: SpoolInboxOptions) {
    const { dir, settings, known, platform, clock, random, mark, gone, files } = options;
    const { fsync, limits, dedupWindowMs: windowMs } = settings;
    const { libc, claims } = platform;
    const spool = this.#spool = new SpoolDirectory({
      ...{ dir, fsync, claims, libc, clock, random },
      ...(files ? { files } : {}),
    });
    const ids = this.#ids = new AcceptedIds(spool, { windowMs });
    const scanner = new Scanner(spool);
    const count = new TaskCount(() => scanner.taskNames(), clock);
    // The same mark, and never the same name: they count apart.
    const constant = () => (mark + 0.5) / RANDOM_END;
    // What goes by itself here is too long for a journal, or has none.
    const single = this.#single = new Intake(
      ...[spool, count, ids, new Landing(), () => null, constant] as const,
      ...[new UniqueTasks(spool, gone), limits] as const,
    );
    const names = new TaskNames(Deno.hostname(), Deno.pid, mark - 1);
    this.#batch = new BatchIntake({ spool, count, ids, single, names, limits, gone });
    spool.prepare();
    if (known === undefined) ids.recover();
    else ids.take(known);
    this.use(settings);
  }

  use({ fsync, limits, dedupWindowMs, journal }: InboxSettings): void {
    // What was put in this round is in the journal of before: no other's sync puts it on disk.
    this.#batch.commit();
    // In memory there is nothing to sync: no task there outlives a power cut.
    const isSynced = fsync && !isMemory(this.#spool.path);
    this.#spool.fsync = isSynced;
    this.#ids.use(dedupWindowMs);
    this.#single.use(limits);
    this.#batch.use(limits, isSynced ? this.#journalAt(journal) : null);
  }

  #journalAt(place: JournalPlace | null): Journal | null {
    // One that is known goes on where it is.
    if (place !== null && this.#place !== null && isSame(place, this.#place)) {
      return this.#journal?.isClosed === false ? this.#journal : null;
    }
    this.#closeJournal();
    const calls = place === null ? null : durableCalls();
    if (place === null || calls === null) return null;
    // The main thread may close its descriptor when it likes: this one is of the same file as long as it is used.
    const fd = socketCalls()?.duplicate(place.fd) ?? -1;
    if (fd < 0) return null;
    this.#place = place;
    this.#fd = fd;
    this.#hasWished = false;
    return this.#journal = new Journal(calls, { ...place, fd });
  }

  #closeJournal(): void {
    if (this.#fd >= 0) socketCalls()?.close(this.#fd);
    this.#fd = -1;
    this.#place = this.#journal = null;
  }

  /** Whether another journal is wanted, because this one was closed; says so once. */
  takeJournalWish(): boolean {
    if (this.#journal?.isClosed !== true || this.#hasWished) return false;
    this.#hasWished = true;
    return true;
  }

  put(task: NewTask, sent: SentId | null, result: PutResult): void {
    this.#batch.put(task, sent, result);
  }

  /** See {@link Store.acceptedName}. */
  acceptedName(sent: SentId): string | null {
    return this.#ids.nameOf(sent);
  }

  /** See {@link BatchIntake.commit}. */
  commit(): boolean {
    return this.#batch.commit();
  }

  close(): void {
    this.#closeJournal();
    this.#ids.close();
    this.#spool.close();
  }
}

/** By their numbers in linux/magic.h: tmpfs and ramfs. */
const MEMORY: readonly number[] = [0x01021994, 0x858458f6];

function isMemory(dir: string): boolean {
  return MEMORY.includes(statfsSync(dir).type >>> 0);
}

function isSame(one: JournalPlace, other: JournalPlace): boolean {
  return one.id[0] === other.id[0] && one.id[1] === other.id[1] && one.head === other.head;
}
