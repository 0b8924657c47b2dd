/**
 * A loop that asks the system which sockets have something to say, and calls whoever watches them. Where
 * it has a thread of its own it waits there: nothing else runs on that thread meanwhile, neither timers nor
 * what a promise leads to. While somebody holds it, it waits on another thread instead, and the event loop
 * of its own goes on.
 */

import { LONG_MS, type Round } from "./round.ts";
import { type Cancel, type Clock, nextTurn, systemClock } from "./clock.ts";
import { EPOLLIN, ReadyList, type SocketCalls, socketError } from "./socket_calls.ts";

/** Something that is watched. */
export interface Watched {
  /** Called when there are any of the events it waits for, or an error. */
  ready(events: number): void;
}

/** Between two looks, while another thread waits. */
const MOST_PAUSE_MS = 16;

export interface PollLoopOptions {
  readonly calls: SocketCalls;
  /** The timers of this loop; null shares the event loop, and its timers, with others. */
  readonly timers: LoopTimers | null;
  /** Called before it waits: whatever came in was dealt with. */
  readonly idle?: () => void;
}

export class PollLoop implements Round {
  readonly #options: PollLoopOptions;
  readonly #calls: SocketCalls;
  readonly #poll: number;
  readonly #ready = new ReadyList();
  /** What another thread writes; nobody reads it. */
  readonly #news = new ReadyList();
  /** By descriptor. */
  readonly #watched: ({ readonly by: Watched; readonly tag: number } | undefined)[] = [];
  #tag = 0;
  /** What is to be called before it waits. */
  #soon: (() => void)[] = [];
  #holds = 0;
  /** It waits on another thread. */
  #isAway = false;
  /** The other thread's wait, which may not have begun: what it says is asked for again here. */
  #elsewhere: Promise<unknown> | null = null;
  #isStopped = false;
  readonly #wake: number;
  #rounds = 0;
  /** On the monotonic clock: when this round began to work. */
  #beganAt = 0;

  /** @throws {Error} when the system has no descriptors left */
  constructor(options: PollLoopOptions) {
    this.#options = options;
    this.#calls = options.calls;
    this.#poll = checked("epoll_create1", this.#calls.createPoll());
    const wake = this.#wake = this.#calls.createSignal();
    try {
      checked("eventfd", wake);
      this.watch(wake, EPOLLIN, { ready: () => void this.#calls.takeSignal(wake) });
    } catch (error) {
      // The next try finds the descriptors that this one leaves.
      if (wake >= 0) this.#calls.close(wake);
      this.#calls.close(this.#poll);
      throw error;
    }
  }

  /**
   * Watches a descriptor until {@link unwatch}, or until it is closed.
   *
   * @throws {Error} when the system cannot
   */
  watch(fd: number, events: number, by: Watched): void {
    const tag = this.#tag = (this.#tag + 1) >>> 0;
    checked("epoll_ctl", this.#calls.addToPoll(this.#poll, fd, events, tag));
    this.#watched[fd] = { by, tag };
  }

  /** Waits for other events of a descriptor that is watched. */
  change(fd: number, events: number): void {
    const watched = this.#watched[fd];
    if (watched !== undefined) this.#calls.changeInPoll(this.#poll, fd, events, watched.tag);
  }

  unwatch(fd: number): void {
    if (this.#watched[fd] === undefined) return;
    this.#watched[fd] = undefined;
    this.#calls.removeFromPoll(this.#poll, fd);
  }

  /** Closes a descriptor, watched or not. */
  close(fd: number): void {
    this.#watched[fd] = undefined;
    this.#calls.close(fd);
  }

  /** Calls back before it waits, once everybody who is ready was called. */
  soon(action: () => void): void {
    this.#soon.push(action);
    this.wake();
  }

  get number(): number {
    return this.#rounds;
  }

  get isLong(): boolean {
    return systemClock.monotonic() - this.#beganAt > LONG_MS;
  }

  next(resume: () => void): void {
    this.soon(resume);
  }

  /** Ends its wait on another thread, if it is there: a round ends, and another one begins. */
  wake(): void {
    if (this.#isAway) this.#calls.raiseSignal(this.#wake);
  }

  /** Lets the event loop go on until the hold is given back, once. */
  hold(): () => void {
    this.#holds++;
    return () => void this.#holds--;
  }

  /** Resolves after {@link stop}. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      this.#rounds++;
      this.#beganAt = systemClock.monotonic();
      this.#doSoon();
      const count = await this.#wait();
      this.#beganAt = systemClock.monotonic();
      for (let n = 0; n < count; n++) this.#call(n);
      this.#options.timers?.run();
    }
    this.#calls.raiseSignal(this.#wake);
    await this.#elsewhere;
    this.#calls.close(this.#poll);
    this.#calls.close(this.#wake);
  }

  stop(): void {
    this.#isStopped = true;
    this.#calls.raiseSignal(this.#wake);
  }

  #doSoon(): void {
    // What they ask for is done in the next round: everybody else comes first.
    const actions = this.#soon;
    this.#soon = [];
    for (const action of actions) action();
    this.#options.idle?.();
  }

  /** Not a promise while nobody else is to run: what comes in then waits for nothing. */
  #wait(): number | Promise<number> {
    const { timers } = this.#options;
    const timeoutMs = this.#soon.length > 0 ? 0 : timers?.leftMs() ?? -1;
    timers?.forgetTime();
    if (timers !== null && this.#holds === 0) {
      return this.#calls.wait(this.#poll, this.#ready, timeoutMs);
    }
    return timers === null ? this.#waitElsewhere(timeoutMs) : this.#waitLater(timers, timeoutMs);
  }

  async #waitElsewhere(timeoutMs: number): Promise<number> {
    this.#isAway = true;
    try {
      return await this.#calls.waitLater(this.#poll, this.#ready, timeoutMs);
    } finally {
      this.#isAway = false;
    }
  }

  /**
   * The event loop has a turn, and goes on while nothing is ready. All of the runtime's threads may be waiting
   * for a disk, or for a core: so it looks itself, too, less and less often.
   */
  async #waitLater(timers: LoopTimers, timeoutMs: number): Promise<number> {
    const until = timeoutMs < 0 ? Infinity : systemClock.monotonic() + timeoutMs;
    this.#isAway = true;
    try {
      await nextTurn();
      for (let pauseMs = 1;; pauseMs = Math.min(2 * pauseMs, MOST_PAUSE_MS)) {
        const count = this.#calls.wait(this.#poll, this.#ready, 0);
        const leftMs = until - systemClock.monotonic();
        if (count > 0 || leftMs <= 0 || this.#isStopped) return count;
        await this.#newsOr(Math.min(pauseMs, leftMs), timeoutMs);
      }
    } finally {
      this.#isAway = false;
      timers.forgetTime();
    }
  }

  async #newsOr(pauseMs: number, timeoutMs: number): Promise<void> {
    this.#elsewhere ??= this.#calls.waitLater(this.#poll, this.#news, timeoutMs).finally(() => {
      this.#elsewhere = null;
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = systemClock.after(pauseMs, resolve);
    await Promise.race([this.#elsewhere, promise]);
    cancel();
  }

  #call(n: number): void {
    const watched = this.#watched[this.#ready.fd(n)];
    // Its descriptor may have been closed, and given to another, since this was said.
    if (watched?.tag === this.#ready.tag(n)) watched.by.ready(this.#ready.events(n));
  }
}

function checked(call: string, result: number): number {
  if (result < 0) throw socketError(call, -result);
  return result;
}

interface LoopTimer {
  readonly at: number;
  readonly action: () => void;
}

/** The clock of a thread that waits in a loop of its own; it has a few timers at a time. */
export class LoopTimers implements Clock {
  readonly #timers = new Set<LoopTimer>();
  #monotonic: number | null = null;

  constructor(private readonly clock: Clock) {}

  now(): number {
    return this.clock.now();
  }

  /** The same timers, with a time that goes on while a call waits: for measuring how long it took. */
  readonly running: Clock = {
    now: () => this.now(),
    monotonic: () => this.clock.monotonic(),
    after: (delayMs, action) => this.after(delayMs, action),
  };

  /** The same until the loop has waited. */
  monotonic(): number {
    return this.#monotonic ??= this.clock.monotonic();
  }

  after(delayMs: number, action: () => void): Cancel {
    const timer = { at: this.clock.monotonic() + delayMs, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Until the next is due, in whole milliseconds; null without any. */
  leftMs(): number | null {
    if (this.#timers.size === 0) return null;
    let first = Infinity;
    for (const { at } of this.#timers) first = Math.min(first, at);
    return Math.max(0, Math.min(Math.ceil(first - this.monotonic()), LONGEST_WAIT_MS));
  }

  forgetTime(): void {
    this.#monotonic = null;
  }

  /** Does what is due. */
  run(): void {
    if (this.#timers.size === 0) return;
    const now = this.monotonic();
    for (const timer of [...this.#timers]) {
      if (timer.at > now || !this.#timers.delete(timer)) continue;
      timer.action();
    }
  }
}

const LONGEST_WAIT_MS = 60_000;
