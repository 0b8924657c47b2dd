/** Keeps the log bounded whatever tasks and jobs print together. @pure */

import type { Clock } from "../platform/clock.ts";
import type { Emit, Event } from "./event.ts";
import { OutputBudget, RATE_OF_ALL } from "./output_budget.ts";

export class OutputLimit {
  readonly #budget: OutputBudget;
  #dropped = 0;

  /** @param emit takes what passes: all that is no output, and output within the budget */
  constructor(private readonly clock: Clock, private readonly emit: Emit) {
    this.#budget = new OutputBudget(RATE_OF_ALL, clock.monotonic());
  }

  take(event: Event): void {
    if ("line" in event) {
      this.#budget.refill(this.clock.monotonic());
      if (!this.#budget.take(event.line.length)) {
        this.#dropped++;
        return;
      }
      this.close();
    }
    this.emit(event);
  }

  /** Says what is left to say. */
  close(): void {
    if (this.#dropped === 0) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.emit({ type: "output.dropped", lines });
  }
}
