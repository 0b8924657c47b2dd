/**
 * A journal as an event loop writes it: all who wait at the same time share one sync, which another thread
 * does.
 */

import type { Journal, JournalTask } from "./journal.ts";

/** What one sync has put on disk. */
interface SyncedTogether {
  /** Before it is all of it. */
  position: number;
  /** Its tasks whose accepted lines are not written yet. */
  open: number;
}

export class JournalGroup {
  #waiting: ((synced: SyncedTogether | null) => void)[] = [];
  #isSyncing = false;
  /** In their order. */
  readonly #unsettled: SyncedTogether[] = [];

  /** @param poke called when there is more to be reclaimed */
  constructor(private readonly journal: Journal, private readonly poke: () => void) {}

  mayTake(bytes: number): boolean {
    return this.journal.mayTake(bytes);
  }

  /**
   * Resolves when a task whose file has its name is in the journal, on disk; with null when it is not, and
   * has to be synced itself. The caller writes its accepted line then, if it has one, and says so.
   */
  async add(task: JournalTask): Promise<{ settle(): void } | null> {
    if (!this.journal.add(task)) return null;
    const { promise, resolve } = Promise.withResolvers<SyncedTogether | null>();
    this.#waiting.push(resolve);
    this.#sync();
    const synced = await promise;
    return synced && { settle: () => this.#settle(synced) };
  }

  async #sync(): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    // Whoever comes in this turn comes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const isSynced = await this.journal.syncLater().then(() => true, () => false);
      const synced = { position: this.journal.position, open: waiting.length };
      if (isSynced) this.#unsettled.push(synced);
      for (const resolve of waiting) resolve(isSynced ? synced : null);
    }
    this.#isSyncing = false;
  }

  #settle(synced: SyncedTogether): void {
    synced.open--;
    // One after the other: what is behind an open one is not reclaimed before it.
    let [first] = this.#unsettled;
    let position: number | null = null;
    for (; first !== undefined && first.open === 0; [first] = this.#unsettled) {
      position = first.position;
      this.#unsettled.shift();
    }
    if (position === null) return;
    this.journal.settle(position);
    this.poke();
  }
}
