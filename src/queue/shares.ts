/**
 * The ready tasks of a spool with limits, by share: shares take turns, so that ten thousand tasks of one do
 * not hold up one task of another, and one whose limit is reached waits without being asked. Each task is
 * added and taken once; both cost a few steps in heaps, however many there are. @pure
 */

import type { ReachedLimit } from "../report/snapshot.ts";
import { priorityRank } from "../spool/layout.ts";
import { inOrder, StaleQueue } from "./order.ts";
import type { RunLimit, TaskShare } from "./task_limits.ts";
import type { Ready } from "./task_state.ts";

/** A ready task of which it is known whose it is. */
export interface SortedTask extends Ready {
  readonly share: TaskShare;
}

/** The runs that count for a limit, and the shares that wait for one of them to end. */
interface RunCount {
  readonly limit: RunLimit;
  running: number;
  /** Shares that are there. */
  shares: number;
  readonly parked: StaleQueue<ShareTurn>;
}

interface ShareState {
  readonly about: TaskShare;
  readonly counts: readonly RunCount[];
  readonly waiting: StaleQueue<Ready>;
  /** Tasks that wait. */
  count: number;
  /** The less, the sooner: each start adds one. */
  turn: number;
  /** Where it stands in `at`. */
  place: ShareTurn | null;
  /** The limit that it waits for; null is none. */
  parkedAt: RunCount | null;
}

/** A share among others, as it was when it came there. */
interface ShareTurn {
  readonly share: ShareState;
  readonly first: Ready;
  readonly turn: number;
}

/** Tasks that wait for a limit. */
export interface WaitingForLimit extends ReachedLimit {
  readonly waiting: number;
}

const MOST_SHOWN = 10;

export class Shares {
  readonly #shares = new Map<string, ShareState>();
  readonly #counts = new Map<string, RunCount>();
  readonly #open = shareTurns();
  /** The turn of what was started last. */
  #now = 0;

  /** @param isCurrent whether a value is still what the table has for that task */
  constructor(private readonly isCurrent: (task: Ready) => boolean) {}

  /** The share of that key that is known already: its tasks need no second copy of it. */
  known(share: TaskShare): TaskShare {
    return this.#shares.get(share.key)?.about ?? share;
  }

  add(task: SortedTask): void {
    const share = this.#shareOf(task.share);
    share.count++;
    share.waiting.add(task);
    // Only a task that is before all others changes its place.
    if (share.waiting.first() === task) this.#place(share);
  }

  /** It is started, or is ready no more. */
  remove(task: SortedTask): void {
    const share = this.#shares.get(task.share.key);
    if (share === undefined) return;
    share.count--;
    share.waiting.remove(task);
    if (share.count === 0) this.#drop(share);
    else if (share.place?.first === task) this.#place(share);
  }

  /** The task to start first, of those that no limit keeps; it stays here until it is removed. */
  first(): Ready | undefined {
    for (let place = this.#open.first(); place !== undefined; place = this.#open.first()) {
      const full = place.share.counts.find(isFull);
      if (full === undefined) return place.first;
      this.#unplace(place.share);
      place.share.parkedAt = full;
      this.#place(place.share);
      // It was let go first, perhaps, in place of another of a limit that is not reached.
      this.#passOn(place.share.counts);
    }
    return undefined;
  }

  /** A task of this share is started; before it is removed. */
  took({ share: { key } }: SortedTask): void {
    const share = this.#shares.get(key);
    if (share === undefined) return;
    this.#now = Math.max(this.#now, share.turn);
    share.turn = this.#now + 1;
  }

  /** A run begins that counts for these. */
  began(limits: readonly RunLimit[]): void {
    for (const limit of limits) this.#countOf(limit).running++;
  }

  /** A run has ended that counted for these. */
  ended(limits: readonly RunLimit[]): void {
    const counts = limits.map((limit) => this.#countOf(limit));
    for (const count of counts) count.running--;
    this.#passOn(counts);
    for (const count of counts) this.#dropIfIdle(count);
  }

  /** Since when the ready task is due that waits the longest. */
  oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { waiting } of this.#shares.values()) {
      const at = waiting.least(({ dueAt }) => dueAt);
      if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
    }
    return oldest;
  }

  /** What most tasks wait for. */
  waiting(): WaitingForLimit[] {
    const tasks = new Map<RunCount, number>();
    for (const { counts, count } of this.#shares.values()) {
      const full = counts.find(isFull);
      if (full !== undefined) tasks.set(full, (tasks.get(full) ?? 0) + count);
    }
    const most = [...tasks].sort(([, a], [, b]) => b - a).slice(0, MOST_SHOWN);
    return most.map(([full, waiting]) => ({ ...reached(full), waiting }));
  }

  /** What a task waits for; null when no limit holds it. */
  limitOf({ share: { key } }: SortedTask): ReachedLimit | null {
    const full = this.#shares.get(key)?.counts.find(isFull);
    return full === undefined ? null : reached(full);
  }

  #shareOf(about: TaskShare): ShareState {
    const known = this.#shares.get(about.key);
    if (known !== undefined) return known;
    const counts = about.limits.map((limit) => this.#countOf(limit));
    for (const count of counts) count.shares++;
    const share: ShareState = {
      ...{ about, counts, waiting: new StaleQueue<Ready>(inOrder, this.isCurrent) },
      ...{ count: 0, turn: this.#now, place: null, parkedAt: null },
    };
    this.#shares.set(about.key, share);
    return share;
  }

  #countOf(limit: RunLimit): RunCount {
    let count = this.#counts.get(limit.id);
    if (count === undefined) {
      count = { limit, running: 0, shares: 0, parked: shareTurns() };
      this.#counts.set(limit.id, count);
    }
    return count;
  }

  /** Where it belongs: among those that may start, or those that wait for its limit. */
  #place(share: ShareState): void {
    this.#unplace(share);
    const first = share.waiting.first();
    if (first === undefined) return;
    share.place = { share, first, turn: share.turn };
    (share.parkedAt?.parked ?? this.#open).add(share.place);
  }

  #unplace(share: ShareState): void {
    const { place, parkedAt } = share;
    share.place = null;
    if (place !== null) (parkedAt?.parked ?? this.#open).remove(place);
  }

  #drop(share: ShareState): void {
    this.#unplace(share);
    this.#shares.delete(share.about.key);
    // Nobody remembers that it had its turn: its next task is not to go before those who wait, again and again.
    this.#now = Math.max(this.#now, share.turn);
    for (const count of share.counts) count.shares--;
    // It may have been let go first in place of another.
    this.#passOn(share.counts);
    for (const count of share.counts) this.#dropIfIdle(count);
  }

  /** Of each of these limits that is not reached the first share that waits for it may go on. */
  #passOn(counts: readonly RunCount[]): void {
    for (const count of counts) {
      const next = isFull(count) ? undefined : count.parked.first();
      if (next === undefined) continue;
      const { share } = next;
      this.#unplace(share);
      share.parkedAt = null;
      // What it could not use of its turns is gone: it would hold up the others.
      share.turn = Math.max(share.turn, this.#now);
      this.#place(share);
    }
  }

  #dropIfIdle(count: RunCount): void {
    if (count.running === 0 && count.shares === 0) this.#counts.delete(count.limit.id);
  }
}

const shareTurns = () => new StaleQueue<ShareTurn>(inTurn, (place) => place.share.place === place);

function reached({ limit: { text, processes }, running }: RunCount): ReachedLimit {
  return { limit: text, processes, running };
}

const isFull = ({ running, limit }: RunCount) => running >= limit.processes;

/** In the order of their turns, those with the better priority first. */
function inTurn(a: ShareTurn, b: ShareTurn): number {
  return priorityRank(a.first.priority) - priorityRank(b.first.priority) || a.turn - b.turn ||
    inOrder(a.first, b.first);
}
