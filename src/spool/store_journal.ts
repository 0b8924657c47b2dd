/** A store's journals: found when it is opened, made when they are needed, found anew in a new directory. */

import { type DurableCalls, durableCalls } from "../platform/durable_calls.ts";
import type { Clock } from "../platform/clock.ts";
import type { AcceptedIds } from "./accepted_ids.ts";
import type { SpoolDirectory } from "./directory.ts";
import { Journal, type JournalPlace } from "./journal.ts";
import { JournalGroup } from "./journal_group.ts";
import { JournalIntake } from "./journal_intake.ts";
import { SpoolJournals } from "./journals.ts";
import { DirectorySync } from "./sync.ts";

/** For a store that keeps what it accepts in a journal. */
export interface JournalSettings {
  /** Something about the journals that people should know. */
  readonly warn: (message: string) => void;
  /** Absent is the machine's libc. */
  readonly calls?: DurableCalls;
  /** Bytes of a new journal's ring, the largest first. */
  readonly ringSizes?: readonly number[];
  /** Names the boot in a test; absent is the machine's. */
  readonly boot?: string;
  /** Says in a test that any file system is fit for a journal, or none. */
  readonly isTrusted?: boolean;
}

/** Where there can be no journal now, that is asked again after a while. */
const RETRY_MS = 60_000;

export class StoreJournal {
  readonly #spool: SpoolDirectory;
  readonly #ids: AcceptedIds;
  readonly #clock: Clock;
  readonly #settings: JournalSettings | undefined;
  #calls: DurableCalls | null = null;
  #journals: SpoolJournals | null = null;
  /** The directory they are in. */
  #identity: string | undefined;
  #intake: JournalIntake | null = null;
  /** On the monotonic clock. */
  #nextTryAt = -Infinity;

  constructor(
    spool: SpoolDirectory,
    ids: AcceptedIds,
    clock: Clock,
    settings: JournalSettings | undefined,
  ) {
    this.#spool = spool;
    this.#ids = ids;
    this.#clock = clock;
    this.#settings = settings;
  }

  /**
   * Takes over what other programs have left in their journals. The ids of its tasks are to be made known
   * before {@link begin}.
   *
   * @returns the lines for `.spooler/accepted`
   */
  takeOver(): readonly string[] {
    this.close();
    const { root, presence } = this.#spool;
    const calls = this.#calls ??= this.#settings ? this.#settings.calls ?? durableCalls() : null;
    if (!this.#settings || !calls || !root || !presence) return [];
    this.#identity = presence.identity;
    const options = { clock: this.#clock, ...this.#settings, calls };
    this.#journals = new SpoolJournals(this.#spool, root, options);
    this.#journals.restore();
    return this.#journals.acceptedLines;
  }

  /** What was put back is on disk, and the journals are ready for what comes. */
  begin(): void {
    this.#journals?.begin(this.#spool.fsync);
    for (const message of this.#journals?.takeWarnings() ?? []) this.#settings?.warn(message);
  }

  /** After the directory has been made anew, its journals are in it. */
  #current(): SpoolJournals | null {
    if (this.#journals === null || this.#spool.presence?.identity === this.#identity) {
      return this.#journals;
    }
    this.takeOver();
    this.begin();
    return this.#journals;
  }

  /**
   * A journal for a thread of its own; null where there is none now. Once it is closed there may be
   * another.
   */
  open(): JournalPlace | null {
    return this.#current()?.open() ?? null;
  }

  /** The way by the journal for what this thread takes; null where there is none now. */
  intake(): JournalIntake | null {
    const journals = this.#current();
    if (this.#intake !== null || journals === null) return this.#intake;
    const now = this.#clock.monotonic();
    if (now < this.#nextTryAt) return null;
    this.#nextTryAt = now + RETRY_MS;
    const place = journals.open();
    const calls = this.#calls;
    if (place === null || calls === null) return null;
    const group = new JournalGroup(new Journal(calls, place), () => journals.poke());
    const all = new DirectorySync(this.#spool.path, async (path) => {
      if (await calls.syncFileSystemLater(place.fd)) return;
      throw new Error(`syncfs ${path}: the disk cannot be written`);
    });
    this.#intake = new JournalIntake(this.#ids, group, {
      syncFileSystem: () => all.commit(),
      done: (id) => journals.done(id),
    });
    return this.#intake;
  }

  /** See {@link SpoolJournals.poke}. */
  poke(): void {
    this.#journals?.poke();
  }

  /** A task's file is gone for good. */
  done(id: string): void {
    this.#journals?.done(id);
  }

  /** Resolves when a later start has nothing to put back. */
  async finish(): Promise<void> {
    await this.#journals?.finish();
  }

  /** The descriptors stay open as long as somebody syncs them: they could be those of other files by then. */
  close(): void {
    const journals = this.#journals;
    journals?.stop();
    if (this.#intake === null) journals?.close();
    else this.#intake.afterLast(() => journals?.close());
    this.#journals = this.#intake = null;
    this.#nextTryAt = -Infinity;
  }
}
