/**
 * The journals of one spool, from the start of a program to its end: those that others have left behind
 * are locked and read; their tasks are put back when the machine has stopped since; then they are used
 * again, or removed.
 *
 * | left by a program of           | the directory is          | its journal                              |
 * |--------------------------------|---------------------------|------------------------------------------|
 * | this boot and mount            | as it left it             | is used on; reclaimed when all is synced |
 * | another one, or nobody knows   | perhaps without some task | tasks are put back, all is synced, empty |
 */

import { statfsSync } from "node:fs";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { DurableCalls } from "../platform/durable_calls.ts";
import { weakness } from "../platform/file_system.ts";
import { SystemError } from "../platform/libc.ts";
import { isSamePageCache, pageCacheOf } from "../platform/page_cache.ts";
import { reasonOf } from "../platform/reason.ts";
import type { SpoolDirectory } from "./directory.ts";
import {
  CLOSED_CELL,
  HEAD_CELL,
  type JournalPlace,
  SETTLED_CELL,
  SHARED_CELLS,
  TAIL_CELL,
} from "./journal.ts";
import { type FoundJournal, type HeldJournal, JournalFiles, RING_SIZES } from "./journal_file.ts";
import { doneBytesOf, type JournalId } from "./journal_format.ts";
import { JournalReclaim } from "./journal_reclaim.ts";
import type { JournalRecord } from "./journal_record.ts";
import { JournalRestore, restoredTexts } from "./journal_restore.ts";
import type { SpoolRoot } from "./root.ts";
import { counted } from "../platform/count_text.ts";

export interface JournalsOptions {
  readonly calls: DurableCalls;
  readonly clock: Clock;
  /** Sizes of a new journal's ring, the largest first. */
  readonly ringSizes?: readonly number[];
  readonly warn: (message: string) => void;
  /** Names the boot in a test; absent is the machine's. */
  readonly boot?: string;
  /** Says in a test that any file system is fit for a journal, or none. */
  readonly isTrusted?: boolean;
}

/** A program uses two: one for the thread that takes tasks, one for what it puts itself. */
const MOST_READY = 2;
/** Between two tries to put tasks back for which there was no room. */
const RETRY_MS = 60_000;

/**
 * File systems on which syncfs puts names and bytes on disk, by their numbers in linux/magic.h: ext4, XFS,
 * Btrfs, F2FS, bcachefs, overlayfs and ZFS.
 */
const TRUSTED: readonly number[] = [
  ...[0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0xca451a4e, 0x794c7630, 0x2fc12fc1],
];

export class SpoolJournals {
  readonly #spool: SpoolDirectory;
  readonly #options: JournalsOptions;
  readonly #files: JournalFiles;
  readonly #reclaim: JournalReclaim;
  /** Locked, and not decided about yet. */
  #found: readonly FoundJournal[];
  /** Left by others, to be used on. */
  readonly #ready: JournalPlace[] = [];
  /** They have tasks that could not be put back yet. */
  readonly #kept: {
    readonly journal: FoundJournal;
    readonly restore: JournalRestore;
    readonly records: readonly JournalRecord[];
  }[] = [];
  #cancelRetry: Cancel | null = null;
  readonly #warnings: string[];
  readonly #pageCache: string;

  constructor(spool: SpoolDirectory, root: SpoolRoot, options: JournalsOptions) {
    this.#spool = spool;
    this.#options = options;
    const { calls, clock, warn } = options;
    this.#files = new JournalFiles(spool, root, calls);
    this.#reclaim = new JournalReclaim(
      { calls, clock, warn },
      (journal) => this.#files.discard(journal),
    );
    const device = spool.presence?.device ?? "-";
    const location = root.locate(root.path);
    this.#pageCache = typeof location === "number"
      ? "- - - -"
      : pageCacheOf(calls, location.at, device, options.boot);
    const { found, strange } = this.#files.takeOver();
    this.#found = found;
    this.#warnings = [
      ...strange.map(({ path, reason }) => `${path} is left as it is: ${reason}`),
      ...found.filter(({ damaged }) => damaged > 0).map(({ path, damaged }) =>
        `${path} has ${counted(damaged, "damaged record")}: tasks may be lost`
      ),
    ];
  }

  #isFresh({ header }: FoundJournal): boolean {
    return isSamePageCache(header.identity, this.#pageCache);
  }

  /** Puts tasks back that the machine has lost. Nothing of it is certain before {@link begin}. */
  restore(): void {
    const live = this.#found.filter(({ records }) => records.length > 0);
    if (live.length === 0) return;
    const restore = new JournalRestore(this.#spool, this.#found);
    for (const journal of live) {
      const { records } = journal;
      const lacking = this.#isFresh(journal) ? restore.complete(records) : records;
      if (lacking.length > 0) this.#restoreFrom(restore, journal, lacking);
    }
    const kept = new Set<FoundJournal>(this.#kept.map(({ journal }) => journal));
    this.#found = this.#found.filter((journal) => !kept.has(journal));
  }

  /** Whether all of them are there now. */
  #restoreFrom(
    restore: JournalRestore,
    journal: FoundJournal,
    records: readonly JournalRecord[],
  ): boolean {
    const restored = restore.restore(records);
    this.#warnings.push(...restoredTexts(restored));
    if (restored.failed.length === 0) return true;
    this.#kept.push({ journal, restore, records: restored.failed });
    this.#cancelRetry ??= this.#options.clock.after(RETRY_MS, () => this.#retry());
    return false;
  }

  /** There may be room by now. */
  #retry(): void {
    this.#cancelRetry = null;
    for (const { journal, restore, records } of this.#kept.splice(0)) {
      restore.forget();
      if (this.#restoreFrom(restore, journal, records)) this.#reclaim.addLeft(journal);
    }
    for (const message of this.takeWarnings()) this.#options.warn(message);
  }

  /** Lines of the tasks in the journals, for `.spooler/accepted`. */
  get acceptedLines(): string[] {
    const kept = this.#kept.map(({ journal }) => journal);
    return [...this.#found, ...kept].flatMap(({ records }) =>
      records.flatMap(({ acceptedLine }) => acceptedLine ?? [])
    );
  }

  /**
   * Empties the journals whose tasks were put back, once these are on disk; removes those that are not
   * to be used again.
   *
   * @param isWanted whether there are to be journals from now on
   */
  begin(isWanted: boolean): void {
    const { calls, clock } = this.#options;
    const stale = this.#found.filter((journal) => !this.#isFresh(journal));
    const fd = stale.find(({ records }) => records.length > 0)?.fd;
    const errno = fd === undefined ? 0 : -calls.syncFileSystem(fd);
    if (errno !== 0) {
      const { message } = new SystemError("syncfs", this.#spool.path, errno);
      this.#warnings.push(`what a power cut had taken is kept in the journal: ${message}`);
      const restore = new JournalRestore(this.#spool, this.#found);
      this.#kept.push(...stale.map((journal) => ({ journal, restore, records: [] })));
      this.#found = this.#found.filter((journal) => !stale.includes(journal));
      this.#cancelRetry ??= clock.after(RETRY_MS, () => this.#retry());
    }
    for (const journal of this.#found) {
      const isUsed = isWanted && !journal.isShort && this.#ready.length < MOST_READY &&
        this.#mayHaveOne();
      if (isUsed) this.#ready.push(this.#use(journal));
      else if (this.#isFresh(journal) && journal.records.length > 0) this.#reclaim.addLeft(journal);
      else this.#files.discard(journal);
    }
    this.#found = [];
  }

  /** What people should know of what was found. */
  takeWarnings(): string[] {
    return this.#warnings.splice(0);
  }

  /**
   * Whether what syncfs has written is there after a power cut, and what it writes at that moment does no
   * harm to the rest.
   */
  #mayHaveOne(): boolean {
    const { isTrusted } = this.#options;
    if (isTrusted !== undefined) return isTrusted;
    const { presence, path } = this.#spool;
    // Some numbers have a sign.
    return TRUSTED.includes(statfsSync(path).type >>> 0) && presence !== null &&
      weakness(presence.device) === null;
  }

  /**
   * A journal for one thread, which makes a `Journal` of it; null where there can be none: tasks are
   * synced themselves there.
   */
  open(): JournalPlace | null {
    try {
      const ready = this.#ready.shift();
      if (ready !== undefined) return ready;
      const ringBytes = this.#files.ringFor(this.#options.ringSizes ?? RING_SIZES);
      if (ringBytes === null || !this.#mayHaveOne()) return null;
      const held = this.#files.make(newJournalId(), ringBytes, this.#pageCache);
      return this.#place(held, { head: 0, tail: 0, markAt: 0 });
    } catch (error) {
      this.#options.warn(`it goes on without a journal: ${reasonOf(error)}`);
      return null;
    }
  }

  #use(found: FoundJournal): JournalPlace {
    const { head, header: { ringBytes } } = found;
    // Of another boot: what was in it has been put back, and is on disk now.
    if (!this.#isFresh(found)) this.#files.empty(found);
    if (found.header.identity !== this.#pageCache) this.#files.writeHeader(found, this.#pageCache);
    const tail = this.#isFresh(found) ? found.tail : head;
    const markAt = tail === head ? 0 : (found.marks().size * 8) % doneBytesOf(ringBytes);
    return this.#place(found, { head, tail, markAt });
  }

  #place(
    held: HeldJournal,
    { head, tail, markAt }: { head: number; tail: number; markAt: number },
  ): JournalPlace {
    const { header: { id, ringBytes }, fd } = held;
    const shared = new SharedArrayBuffer(4 * SHARED_CELLS);
    const cells = new Int32Array(shared);
    cells[SETTLED_CELL] = cells[HEAD_CELL] = head | 0;
    cells[TAIL_CELL] = tail | 0;
    cells[CLOSED_CELL] = 0;
    const place: JournalPlace = { fd, id, ringBytes, head, shared };
    this.#reclaim.add(held, place, { tail, markAt });
    return place;
  }

  /** Tasks have come in: their room is reclaimed before long. */
  poke(): void {
    this.#reclaim.poke();
  }

  /** A task's file is gone for good. */
  done(id: string): void {
    this.#reclaim.done(id);
  }

  /** Resolves when no later start has anything to put back. */
  async finish(): Promise<void> {
    await this.#reclaim.finish();
  }

  /** Nothing is taken into a journal any more, and none is reclaimed. */
  stop(): void {
    this.#cancelRetry?.();
    this.#reclaim.stop();
  }

  /** Lets go of all. */
  close(): void {
    const kept = this.#kept.map(({ journal }) => journal);
    for (const journal of [...this.#reclaim.held, ...this.#found, ...kept]) {
      this.#files.close(journal);
    }
  }
}

/** Random, so that nobody can put into a task's bytes what looks like a record; never 0. */
function newJournalId(): JournalId {
  const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
  return [(low | 1) >>> 0, high];
}
