/** How far a long command is, on a terminal: one line of stderr that is drawn again and again. Elsewhere nothing. */

import { systemClock } from "../platform/clock.ts";
import { progressLine } from "./progress_line.ts";
import { columns } from "./terminal.ts";

/** What is over sooner needs none. */
const FIRST_MS = 1000;
const AGAIN_MS = 100;
const CLEAR = "\r\x1b[K";
const DEFAULT_COLUMNS = 80;

/** Whether a progress is on the terminal now. */
let shown = false;

/** Takes the line away: another is to be written. */
export function hideProgress(): void {
  if (!shown) return;
  shown = false;
  write(CLEAR);
}

/** Whether there is a terminal to show it on. */
export function canShowProgress(): boolean {
  return Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

export class Progress {
  readonly #startedAt = systemClock.monotonic();
  readonly #isVisible = canShowProgress();
  #drawAt = this.#startedAt + FIRST_MS;
  readonly #total: number;
  #done = 0;

  /** @param total counted only where it is shown */
  constructor(total: () => number) {
    this.#total = this.#isVisible ? total() : 0;
  }

  /** One more is done. */
  readonly step = (): void => {
    this.#done++;
    if (!this.#isVisible) return;
    const now = systemClock.monotonic();
    if (now < this.#drawAt) return;
    this.#drawAt = now + AGAIN_MS;
    const state = { done: this.#done, total: this.#total, elapsedMs: now - this.#startedAt };
    shown = true;
    write(CLEAR + progressLine(state, columns() ?? DEFAULT_COLUMNS));
  };

  [Symbol.dispose](): void {
    hideProgress();
  }
}

function write(text: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  } catch {
    // Nobody sees it any more.
  }
}
