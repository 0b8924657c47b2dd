/** A histogram of durations, in Prometheus' manner. @pure */

/** Upper bounds in seconds; what is longer has a place of its own. */
export const BOUNDS: readonly number[] = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
];

export class Histogram {
  readonly #counts = new Float64Array(BOUNDS.length + 1);
  /** In seconds. */
  sum = 0;

  add(seconds: number): void {
    let at = 0;
    while (at < BOUNDS.length && seconds > (BOUNDS[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.sum += seconds;
  }

  /** How many were at most as long as each bound; the last number is that of all. */
  cumulative(): number[] {
    let sum = 0;
    return [...this.#counts].map((count) => sum += count);
  }
}
