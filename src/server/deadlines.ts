/**
 * Deadlines of many connections under one timer, which is there only while there are any. They are
 * checked a few times a second: what is due then is at most that late.
 *
 * When this program itself was held up, by a disk or by the machine, everybody gets that time on
 * top: what peers have sent meanwhile waits to be read.
 */

import type { Cancel, Clock } from "../platform/clock.ts";

const TICK_MS = 250;
/** A check that is later than this was held up. */
const HELD_UP_MS = 250;

/** One thing that may take too long. */
export interface Deadline {
  /** On the monotonic clock; Infinity while nothing is waited for. */
  at: number;
  /** Called once when the time has come; `at` is Infinity then. */
  readonly expire: () => void;
}

export class Deadlines {
  readonly #deadlines = new Set<Deadline>();
  #cancel: Cancel | null = null;
  #nextTickAt = 0;

  constructor(private readonly clock: Clock) {}

  /** A deadline that is not set yet. The caller that adds it deletes it. */
  add(expire: () => void): Deadline {
    const deadline = { at: Infinity, expire };
    this.#deadlines.add(deadline);
    if (this.#cancel === null) this.#scheduleTick();
    return deadline;
  }

  delete(deadline: Deadline): void {
    this.#deadlines.delete(deadline);
    if (this.#deadlines.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Sets or moves a deadline. */
  set(deadline: Deadline, delayMs: number): void {
    deadline.at = this.clock.monotonic() + delayMs;
  }

  #scheduleTick(): void {
    this.#nextTickAt = this.clock.monotonic() + TICK_MS;
    this.#cancel = this.clock.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const now = this.clock.monotonic();
    const lateMs = now - this.#nextTickAt;
    this.#scheduleTick();
    if (lateMs > HELD_UP_MS) {
      for (const deadline of this.#deadlines) deadline.at += lateMs;
    }
    for (const deadline of [...this.#deadlines]) {
      if (deadline.at > now) continue;
      deadline.at = Infinity;
      deadline.expire();
    }
  }
}
