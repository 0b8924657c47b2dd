/** How far a task says it is, sent to the program at most ten times a second; the latest is not lost. */

import { monotonicMs } from "./clock.ts";
import { checkProgress } from "./progress_numbers.ts";
import { realm } from "./realm.ts";

const EVERY_MS = 100;
const start = setTimeout;
const stop = clearTimeout;

/** Takes it to the program. */
export type SendProgress = (args: Readonly<Record<string, unknown>>) => void;

export class ProgressReport {
  #sentAt = -Infinity;
  #waiting: Readonly<Record<string, unknown>> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;

  constructor(private readonly task: string, private readonly send: SendProgress) {}

  /** @throws {TypeError} see {@link checkProgress} */
  say(done: number, total?: number, text?: string): void {
    checkProgress(done, total);
    if (this.#isOver) return;
    realm.asWorker(() => {
      this.#waiting = {
        ...{ task: this.task, done },
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { text: String(text) }),
      };
      const dueMs = this.#sentAt + EVERY_MS - monotonicMs();
      if (dueMs <= 0) this.#flush();
      else this.#timer ??= start(() => realm.asWorker(() => this.#flush()), dueMs);
    });
  }

  /** The task is over: nobody asks any more, and what it still says would be the next one's. */
  end(): void {
    this.#isOver = true;
    if (this.#timer !== null) stop(this.#timer);
    this.#timer = this.#waiting = null;
  }

  #flush(): void {
    this.#timer = null;
    if (this.#waiting === null) return;
    this.send(this.#waiting);
    this.#waiting = null;
    this.#sentAt = monotonicMs();
  }
}
