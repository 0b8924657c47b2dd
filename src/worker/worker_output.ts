/** What task code prints through its worker's connection: at a pace, and within a budget for each task. */

import { harmless } from "../exec/lines.ts";
import { Pace } from "../exec/pace.ts";
import type { Clock } from "../platform/clock.ts";
import { OutputBudget, RATE_OF_ONE } from "../report/output_budget.ts";
import type { FromWorker } from "./message.ts";
import type { WorkerListener } from "./worker_listener.ts";

type Printed = Extract<FromWorker, { type: "output" }>;

/** A line counts as so many bytes more: of short ones the number is what takes time. */
const BYTES_OF_A_LINE = 50;

export class WorkerOutput {
  readonly #pace: Pace;
  #budget: OutputBudget;
  #author: Pick<Printed, "task" | "func"> = { task: null, func: "" };
  #dropped = 0;

  constructor(
    private readonly clock: Clock,
    private readonly listener: Pick<WorkerListener, "output" | "dropped" | "overflow">,
  ) {
    this.#pace = new Pace(clock);
    this.#budget = this.#newBudget();
  }

  #newBudget(): OutputBudget {
    return new OutputBudget(RATE_OF_ONE, this.clock.monotonic());
  }

  /** Resolves when more may be read from the worker: a flood waits in its own connection. */
  take({ task, func, stream, lines, dropped }: Printed): Promise<void> {
    if (task !== this.#author.task || func !== this.#author.func) {
      this.reportDropped();
      this.#author = { task, func };
      this.#budget = this.#newBudget();
    }
    this.#budget.refill(this.clock.monotonic());
    // What the worker has left out already.
    this.#dropped += dropped;
    const { overflow } = this.listener;
    const over: string[] = [];
    let bytes = 0;
    for (const line of lines) {
      bytes += line.length + BYTES_OF_A_LINE;
      if (!this.#budget.take(line.length)) {
        this.#dropped++;
        if (overflow) over.push(harmless(line));
      } else {
        this.reportDropped();
        this.listener.output(task, func, stream, harmless(line));
      }
    }
    // Nothing passes any more once a line has not: those that did came first.
    if (over.length > 0 || dropped > 0) {
      overflow?.(task, func, { stream, lines: over, skipped: dropped });
    }
    return this.#pace.after(bytes);
  }

  /** Also called when the task, or the worker, has ended. */
  reportDropped(): void {
    if (this.#dropped === 0) return;
    const { task, func } = this.#author;
    this.listener.dropped(task, func, this.#dropped);
    this.#dropped = 0;
  }
}
