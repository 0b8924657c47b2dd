/**
 * What runs print, for any number of readers: each run is followed once, however many watch it. A reader
 * that falls behind what is remembered goes on from the file.
 */

import { follow, type FollowOptions } from "../history/follow.ts";
import { presentOutput } from "../history/reader.ts";
import type { OutputLine } from "../history/run_output.ts";
import { doneOrAborted } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";

/** Lines of a run that are remembered for its readers. */
const MOST_RECENT = 1000;

export type Followed = Pick<FollowOptions, "files" | "of" | "isRunning">;

export class LiveOutput {
  readonly #runs = new Map<string, FollowedRun>();

  constructor(private readonly clock: Clock) {}

  /** How many runs are followed now. */
  get size(): number {
    return this.#runs.size;
  }

  /** The lines behind that number as they come, until the run ends or the signal. */
  async *lines(
    followed: Followed,
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<OutputLine, void> {
    const key = `${followed.files.dir} ${JSON.stringify(followed.of)}`;
    const run = this.#runs.get(key) ?? new FollowedRun(followed, this.clock);
    this.#runs.set(key, run);
    run.readers++;
    try {
      yield* run.lines(from, signal);
    } finally {
      run.readers--;
      if (run.isOver || run.readers === 0) {
        run.end();
        if (this.#runs.get(key) === run) this.#runs.delete(key);
      }
    }
  }
}

class FollowedRun {
  readers = 0;
  isOver = false;
  readonly #followed: Followed;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  #recent: OutputLine[] = [];
  /** The number of the last line that is not remembered any more. */
  #forgotten = 0;

  constructor(followed: Followed, clock: Clock) {
    this.#followed = followed;
    void this.#run(clock);
  }

  end(): void {
    this.#abort.abort();
  }

  async #run(clock: Clock): Promise<void> {
    try {
      for await (const line of follow({ ...this.#followed, clock, signal: this.#abort.signal })) {
        this.#recent.push(line);
        // Not for each line: that would move all of them each time.
        if (this.#recent.length > 2 * MOST_RECENT) {
          this.#forgotten = this.#recent.at(-MOST_RECENT - 1)?.number ?? 0;
          this.#recent = this.#recent.slice(-MOST_RECENT);
        }
        this.#wake();
      }
    } catch {
      // The history cannot be read any more: as if it ended here.
    } finally {
      this.isOver = true;
      this.#wake();
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async *lines(from: number, signal: AbortSignal): AsyncGenerator<OutputLine, void> {
    for (let last = from; !signal.aborted;) {
      const fresh = this.#after(last);
      for (const line of fresh) {
        if (signal.aborted) return;
        last = line.number;
        yield line;
      }
      if (fresh.length > 0) continue;
      if (this.isOver) return;
      await this.#news(signal);
    }
  }

  #after(last: number): readonly OutputLine[] {
    const { files, of } = this.#followed;
    const recent = this.#recent.slice(
      this.#recent.findLastIndex(({ number }) => number <= last) + 1,
    );
    if (last >= this.#forgotten) return recent;
    const first = recent[0]?.number ?? Infinity;
    const present = presentOutput(files, "name" in of ? of.name : of.job, last);
    return [...(present?.lines ?? []).filter(({ number }) => number < first), ...recent];
  }

  async #news(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await doneOrAborted(promise, signal);
    this.#waiting.delete(resolve);
  }
}
