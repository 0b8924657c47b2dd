/**
 * The names of tasks that a thread of this program gives to those it takes, and says when each is accepted.
 * Until then the main thread leaves the file alone. @pure
 */

/** As the thread counts them, one after the other; some are never accepted. */
class Counters {
  /** All up to this one are taken for accepted. */
  #low = 0;
  readonly #above = new Set<number>();

  add(counter: number): void {
    if (counter <= this.#low) return;
    this.#above.add(counter);
    while (this.#above.delete(this.#low + 1)) this.#low++;
    if (this.#above.size > MOST_APART) this.#raise();
  }

  has(counter: number): boolean {
    return counter <= this.#low || this.#above.has(counter);
  }

  #raise(): void {
    this.#low = Math.min(...this.#above);
    this.#above.delete(this.#low);
  }
}

/** Further behind than this nothing is still to be accepted. */
const MOST_APART = 10_000;

export class OwnNames {
  readonly #pid: string;
  readonly #marks: readonly [string, string];
  readonly #counters = [new Counters(), new Counters()] as const;

  /** @param mark the number in the place of chance: this one, or the one before it */
  constructor(pid: number, mark: number) {
    this.#pid = String(pid);
    this.#marks = [String(mark), String(mark - 1)];
  }

  /** A task was accepted. */
  accept(name: string): void {
    const place = this.#placeOf(name);
    if (place !== null) place.counters.add(place.counter);
  }

  /** Whether a task of this name will be accepted, or will go again. */
  isAwaited(name: string): boolean {
    const place = this.#placeOf(name);
    return place !== null && !place.counters.has(place.counter);
  }

  #placeOf(name: string): { readonly counters: Counters; readonly counter: number } | null {
    // …_PID_COUNTER_MARK_SECONDS_MICROS
    const micros = name.lastIndexOf("_");
    const seconds = name.lastIndexOf("_", micros - 1);
    const mark = name.lastIndexOf("_", seconds - 1);
    const counters = this.#counters[this.#marks.indexOf(name.slice(mark + 1, seconds))];
    const counter = name.lastIndexOf("_", mark - 1);
    const pid = name.lastIndexOf("_", counter - 1);
    if (counters === undefined || name.slice(pid + 1, counter) !== this.#pid) return null;
    return { counters, counter: Number(name.slice(counter + 1, mark)) };
  }
}
