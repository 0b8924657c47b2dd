/** Reads what a process writes to stdout and stderr: as lines, at a pace, and within one budget. */

import type { Clock } from "../platform/clock.ts";
import type { OutputStream, Overflow } from "../report/event.ts";
import { OutputBudget, RATE_OF_ONE } from "../report/output_budget.ts";
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

/**
 * Reads both streams of a process to their end: at a pace, and within one budget.
 *
 * @param stop aborted when nothing more is to be read
 * @param tail gets stderr as it is
 */
export async function readOutput(
  child: Pick<Deno.ChildProcess, "stdout" | "stderr">,
  taker: OutputTaker,
  stop: AbortSignal,
  tail?: Tail,
): Promise<void> {
  const { clock } = taker;
  const pace = new Pace(clock);
  const now = () => clock.monotonic();
  const budget = new OutputBudget(RATE_OF_ONE, now());
  const reading = (["stdout", "stderr"] as const).map((stream) => {
    const splitter = new LineSplitter((line) => taker.output(stream, line), {
      budget,
      now,
      dropped: (lines) => taker.dropped(lines),
      ...(taker.overflow
        ? { overflow: (lines, skipped) => taker.overflow?.({ stream, lines, skipped }) }
        : {}),
    });
    return readLines(child[stream], stop, pace, splitter, stream === "stderr" ? tail : undefined);
  });
  await Promise.all(reading);
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  stop: AbortSignal,
  pace: Pace,
  splitter: LineSplitter,
  tail?: Tail,
): Promise<void> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  stop.addEventListener("abort", cancel);
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      tail?.push(value);
      splitter.push(value);
      await pace.after(value.length, stop);
    }
  } finally {
    stop.removeEventListener("abort", cancel);
    splitter.close();
  }
}
