/**
 * What is wrong with a configuration, gathered while it is put together, so that one start names all
 * of it; and the limits that keep a broken one from running away.
 *
 * @pure
 */

import type { Place, Problem } from "../platform/problem.ts";

export const LIMITS = {
  /** Of one ini file. */
  iniBytes: 32 << 20,
  /** Of what one `@(…)` gives. */
  valueBytes: 1 << 20,
  options: 200_000,
  /** Of all values together, and of all files together. */
  totalBytes: 96 << 20,
  /** Files that include each other. */
  depth: 64,
  files: 2_000,
  /** Characters scanned while placeholders are filled in. */
  work: 100_000_000,
  problems: 100,
} as const;

/** There is no sense in going on; what was wrong is among the problems. */
export class Stop extends Error {}

export class Complaints {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  #bytes = 0;

  /** @throws {Stop} when there are so many problems that more of them help nobody */
  problem(place: Place, message: string): void {
    const isSaid = (said: Problem) =>
      said.message === message && said.place.line === place.line &&
      said.place.file === place.file;
    if (this.problems.some(isSaid)) return;
    this.problems.push({ place, message });
    if (this.problems.length >= LIMITS.problems) throw new Stop();
  }

  warn(place: Place, message: string): void {
    this.warnings.push({ place, message });
  }

  /** @throws {Stop} always */
  stop(place: Place, message: string): never {
    this.problems.push({ place, message });
    throw new Stop();
  }

  /** Counts bytes of values and files. @throws {Stop} when all together are too many */
  grow(bytes: number, place: Place): void {
    this.#bytes += bytes;
    if (this.#bytes > LIMITS.totalBytes) {
      this.stop(place, `a configuration may have ${LIMITS.totalBytes} bytes: this one has more`);
    }
  }
}
