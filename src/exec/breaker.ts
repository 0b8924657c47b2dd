/** Breaks off one run: with the program, or alone by an operator's order. */

import { KillOrder } from "./kill_order.ts";

export class Breaker implements Disposable {
  readonly #controller = new AbortController();
  readonly #pass = () => this.#controller.abort(this.abort.reason);

  /** @param abort aborted when the program ends */
  constructor(private readonly abort: AbortSignal) {
    abort.addEventListener("abort", this.#pass);
    if (abort.aborted) this.#pass();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What an operator has asked for; null when nothing. */
  get order(): KillOrder | null {
    const { reason } = this.#controller.signal;
    return reason instanceof KillOrder ? reason : null;
  }

  /** The first order counts. */
  obey(order: KillOrder): void {
    this.#controller.abort(order);
  }

  [Symbol.dispose](): void {
    this.abort.removeEventListener("abort", this.#pass);
  }
}
