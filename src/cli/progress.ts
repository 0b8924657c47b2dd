/** How far a long command is, on a terminal: one line of stderr that is drawn again and again. Elsewhere nothing. */

import { systemClock } from "../platform/clock.ts";
import { openOutput, type OutputFile } from "../platform/output.ts";
import { progressLine } from "./progress_line.ts";
import { columns } from "./terminal.ts";

/** What is over sooner needs none. */
const FIRST_MS = 1000;
const AGAIN_MS = 100;
const CLEAR = "\r\x1b[K";
const DEFAULT_COLUMNS = 80;
const NEWLINE = 10;

/** Whether a progress is on the terminal now. */
let shown = false;
/** What is shown below the lines of a log. */
let current: Progress | null = null;
/** A line of the log has begun, and its rest waits for room. */
let isLineOpen = false;
let terminal: OutputFile | null = null;

/** Takes the line away: another is to be written. */
export function hideProgress(): void {
  if (!shown) return;
  shown = false;
  write(CLEAR);
}

/** Writes the lines of a log to the terminal, and the progress below them. */
export function aboveProgress(write: OutputFile["write"]): OutputFile["write"] {
  return (bytes) => {
    hideProgress();
    const count = write(bytes);
    if (count > 0) isLineOpen = bytes[count - 1] !== NEWLINE;
    current?.draw();
    return count;
  };
}

/** Whether there is a terminal to show it on. */
export function canShowProgress(): boolean {
  return Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

export class Progress {
  readonly #startedAt = systemClock.monotonic();
  readonly #isVisible = canShowProgress();
  #drawAt = this.#startedAt + FIRST_MS;
  readonly #count: () => number;
  #total: number | null = null;
  #done = 0;

  /**
   * @param total counted only where it is shown
   * @param isCountedLate when it is shown for the first time: what is counted stays as it is
   */
  constructor(total: () => number, isCountedLate = false) {
    this.#count = total;
    if (!isCountedLate) this.#total = this.#isVisible ? total() : 0;
  }

  /** One more is done. */
  readonly step = (): void => {
    this.#done++;
    if (!this.#isVisible) return;
    const now = systemClock.monotonic();
    if (now < this.#drawAt) return;
    this.#drawAt = now + AGAIN_MS;
    current = this;
    this.draw();
  };

  draw(): void {
    if (isLineOpen) return;
    const done = this.#done;
    // A drain also runs what its tasks add.
    const total = Math.max(done, this.#total ??= this.#count());
    const elapsedMs = systemClock.monotonic() - this.#startedAt;
    shown = true;
    write(CLEAR + progressLine({ done, total, elapsedMs }, columns() ?? DEFAULT_COLUMNS));
  }

  [Symbol.dispose](): void {
    hideProgress();
    current = null;
  }
}

function write(text: string): void {
  try {
    // It is left out where it would have to wait: the program has other work.
    terminal ??= openOutput(2);
    terminal.write(new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>);
  } catch {
    // Nobody sees it any more.
  }
}
