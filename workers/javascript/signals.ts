/** What task code has registered: handlers of uWSGI's signals, and the timers that raise them. */

import type { Registered, TimerWish } from "../../src/worker/registered.ts";

import { realm } from "./realm.ts";
import { callingLine } from "./trace.ts";

export type SignalFunction = (signal: number) => unknown;

const SIGNALS = 256;

export class SignalRegistry {
  readonly #handlers = new Map<number, SignalFunction>();
  readonly #timers: TimerWish[] = [];

  /** @param changed called after every registration */
  constructor(private readonly changed: () => void) {}

  get registered(): Registered {
    const named = [...this.#handlers].flatMap(([signal, handler]) => {
      const name = functionName(handler);
      return name === null ? [] : [[String(signal), name] as const];
    });
    return {
      signals: [...this.#handlers.keys()],
      handlers: Object.fromEntries(named),
      timers: this.#timers,
    };
  }

  handler(signal: number): SignalFunction | undefined {
    return this.#handlers.get(signal);
  }

  /** What its handler is called, for the log; `signal 17` for one without a name. */
  nameOf(signal: number): string {
    return functionName(this.#handlers.get(signal)) ?? `signal ${signal}`;
  }

  /** @throws {TypeError} for what is no signal or no function */
  handle(signal: number, handler: SignalFunction): void {
    if (!Number.isInteger(signal) || signal < 0 || signal >= SIGNALS) {
      throw new TypeError(`a signal is a number from 0 to ${SIGNALS - 1}: ${signal}`);
    }
    if (typeof handler !== "function") throw new TypeError("a signal needs a function");
    realm.asWorker(() => {
      this.#handlers.set(signal, handler);
      this.changed();
    });
  }

  /**
   * Registers a timer with a signal of its own: from above, for the numbers that people write into
   * an ini are small.
   */
  addTimer(handler: SignalFunction, wish: (signal: number) => TimerWish): void {
    realm.asWorker(() => {
      const free = Array.from({ length: SIGNALS }, (_, i) => SIGNALS - 1 - i)
        .find((signal) => !this.#handlers.has(signal));
      if (free === undefined) throw new RangeError(`all ${SIGNALS} signals are taken`);
      const name = functionName(handler);
      this.#timers.push({ ...(name === null ? {} : { name }), ...callingLine(), ...wish(free) });
      this.handle(free, handler);
    });
  }
}

/** Task code may have put anything in its place. */
function functionName(handler: SignalFunction | undefined): string | null {
  const name: unknown = handler?.name;
  const own = typeof name === "string" ? name.replace(/^(?:bound )+/, "") : "";
  return own === "" ? null : own;
}
