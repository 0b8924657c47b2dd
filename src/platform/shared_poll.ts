/**
 * One wait for all that this thread's event loop cannot wait for itself: inotify, and processes with their
 * pipes. The runtime has 32 threads for calls that block, files among them: with each of these waiting on one
 * nothing else would go on.
 */

import { PollLoop } from "./poll_loop.ts";
import { quietly } from "./quietly.ts";
import { systemSignals } from "./signals.ts";
import { socketCalls } from "./socket_calls.ts";

class SharedPoll {
  readonly loop: PollLoop;
  readonly #ended: Promise<void>;
  #users = 0;
  #noMoreChildren: (() => void) | null = null;

  constructor() {
    const calls = socketCalls();
    if (calls === null) throw new Error("epoll is needed, which this machine does not have");
    this.loop = new PollLoop({ calls, timers: null });
    this.#ended = this.loop.run();
  }

  join(): this {
    this.#users++;
    return this;
  }

  /**
   * Calls back when a child of this process may have ended, as long as anybody uses this; there is one who asks.
   * The signal wakes the event loop itself, and no thread between. It need not come: who started this program
   * may have had it blocked.
   *
   * @param over called when nobody uses this any more
   */
  whenChildEnds(action: () => void, over: () => void): void {
    if (this.#noMoreChildren !== null) return;
    const forget = quietly(() => systemSignals.on(["SIGCHLD"], action));
    this.#noMoreChildren = () => {
      forget?.();
      over();
    };
  }

  /** To be called once for each {@link join}; null where others go on, else resolves when it has ended. */
  leave(): Promise<void> | null {
    if (--this.#users > 0) return null;
    if (shared === this) shared = null;
    this.#noMoreChildren?.();
    this.loop.stop();
    return this.#ended;
  }
}

export type { SharedPoll };

let shared: SharedPoll | null = null;

/** @throws {Error} where there is no epoll, or no descriptor for it */
export function joinSharedPoll(): SharedPoll {
  return (shared ??= new SharedPoll()).join();
}
