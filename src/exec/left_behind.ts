/**
 * Output of processes that outlive the command that started them, as in `server &`. Their pipes are
 * read until they close: a process that writes into a closed one is killed by SIGPIPE.
 */

/** Of pipes that are read at the same time; each holds a descriptor or two. */
export const MOST_LEFT = 64;
/** Commands of which it is remembered that it was said. */
const MOST_KNOWN = 1000;

export class LeftBehind {
  readonly #open = new Map<Promise<unknown>, () => void>();
  readonly #known = new Set<string>();

  get count(): number {
    return this.#open.size;
  }

  /** @param close ends the reading; called when there are too many */
  add(reading: Promise<unknown>, close: () => void): void {
    this.#open.set(reading, close);
    reading.finally(() => this.#open.delete(reading));
    if (this.#open.size <= MOST_LEFT) return;
    for (const [oldest, closeOldest] of this.#open) {
      this.#open.delete(oldest);
      closeOldest();
      return;
    }
  }

  /** Whether it is the first time that this command leaves something behind. */
  isNews(command: string): boolean {
    if (this.#known.has(command)) return false;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.add(command);
    return true;
  }
}

/** Of this process. */
export const leftBehind = new LeftBehind();
