/** What a process writes to stdout and stderr: as lines, at a pace, and within one budget. */

import type { Clock } from "../platform/clock.ts";
import type { OutputStream, Overflow } from "../report/event.ts";
import { OutputBudget, RATE_OF_ONE } from "../report/output_budget.ts";
import type { ChildWatcher } from "./child.ts";
import { LineSplitter, type Tail } from "./lines.ts";
import { Pace } from "./pace.ts";

/** Who takes the output of a process. */
export interface OutputTaker {
  output(stream: OutputStream, line: string): void;
  /** Lines of a flood that were not handed to {@link output}. */
  dropped(lines: number): void;
  /** What of these lines a history keeps; absent where none does. */
  overflow?(overflow: Overflow): void;
  readonly clock: Clock;
}

/** Most processes print nothing: what lines need is made with the first. */
export class OutputLines implements ChildWatcher {
  readonly #taker: OutputTaker;
  readonly #tail: Tail | undefined;
  #pace: Pace | null = null;
  #budget: OutputBudget | null = null;
  readonly #splitters = new Map<OutputStream, LineSplitter>();

  /**
   * @param tail gets stderr as it is
   * @param lasts see {@link ChildWatcher}
   */
  constructor(taker: OutputTaker, tail?: Tail, readonly lasts = () => {}) {
    this.#taker = taker;
    this.#tail = tail;
  }

  take(stream: OutputStream, bytes: Uint8Array): number {
    if (stream === "stderr") this.#tail?.push(bytes);
    this.#pace ??= new Pace(this.#taker.clock);
    this.#splitterOf(stream).push(bytes);
    return Math.max(0, this.#pace.aheadMs(bytes.length));
  }

  end(stream: OutputStream): void {
    this.#splitters.get(stream)?.close();
  }

  #splitterOf(stream: OutputStream): LineSplitter {
    const known = this.#splitters.get(stream);
    if (known !== undefined) return known;
    const taker = this.#taker;
    const now = () => taker.clock.monotonic();
    this.#budget ??= new OutputBudget(RATE_OF_ONE, now());
    const splitter = new LineSplitter((line) => taker.output(stream, line), {
      budget: this.#budget,
      now,
      dropped: (lines) => taker.dropped(lines),
      ...(taker.overflow
        ? { overflow: (lines, skipped) => taker.overflow?.({ stream, lines, skipped }) }
        : {}),
    });
    this.#splitters.set(stream, splitter);
    return splitter;
  }
}
