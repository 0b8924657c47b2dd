/**
 * Records the runs of a spool, or of a schedule, in its history: events in, entries out, in batches. A
 * run costs a place in a ring until then; what would be gone again at once is never formatted. An error
 * is a warning, and nothing waits for the disk.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Emit, Event } from "../report/event.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { type EndedRun, EndedRuns, type EndOfRun } from "./ended_runs.ts";
import { entryLine, type HistoryEntry, type OutputSize, startOf, tenths } from "./entry.ts";
import { Outputs } from "./outputs.ts";
import { Segments } from "./segments.ts";
import { TextBytes } from "./text_bytes.ts";
import type { HistoryConfig, HistoryLimit } from "./settings.ts";

/** What has ended meanwhile is written together. */
const BATCH_MS = 200;
/** The same where so much ends that a batch has all that the history keeps: the next one replaces it. */
const FULL_BATCH_MS = 500;
/** A batch with fewer costs nothing. */
const MANY = 1000;
/** What is too old goes although nothing runs, so often at most. */
const EXPIRE_EVERY_MS = 3_600_000;

export interface RecorderOptions {
  readonly files: HistoryFiles;
  readonly limit: HistoryLimit;
  readonly config: HistoryConfig;
  readonly clock: Clock;
  /** Of jobs: the last runs of each stay, however often the others run. */
  readonly isOfJobs?: boolean;
  /** A number that no other program of this process id has. */
  readonly unique: number;
  /** Takes secrets out of texts of runs. */
  mask(text: string): string;
  warn(message: string): void;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #segments: Segments;
  readonly #outputs: Outputs;
  readonly #ended = new EndedRuns();
  readonly #bytes = new TextBytes();
  #cancel: Cancel = () => {};
  /** Until the next batch is written; nothing waits for it while this is infinite. */
  #withinMs = Infinity;
  /** The last batch had all that the history keeps. */
  #wasFull = false;
  #cancelExpiry: Cancel = () => {};
  #isBroken = false;
  #isClosed = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#segments = new Segments(options.files, options.limit, options.isOfJobs);
    this.#outputs = new Outputs(options);
  }

  /** Goes on with other settings. */
  use(limit: HistoryLimit, config: HistoryConfig): void {
    this.#write();
    this.#segments.limit = limit;
    this.#outputs.config = config;
    this.#expire();
  }

  /** Takes over what a program left behind that died; called once, before anything runs. */
  start(): void {
    this.#attempt(() => {
      this.#options.files.clean();
      const died = this.#outputs.takeOrphans();
      for (const { entry, text } of died) {
        this.#segments.append(1, this.#options.clock.now(), (segment) => {
          const file = this.#outputs.keep(segment, text);
          const output = entry.output && { ...entry.output, file };
          return [this.#bytes.of(entryLine({ ...entry, output }))];
        });
      }
    });
    this.#expire();
  }

  /** Now, and with a limit of time again when something may be too old. */
  #expire(): void {
    const { clock } = this.#options;
    this.#attempt(() => this.#segments.expire(clock.now()));
    this.#cancelExpiry();
    const { limit } = this.#segments;
    if (limit.kind !== "time" || this.#isClosed) return;
    const againMs = Math.min(EXPIRE_EVERY_MS, Math.max(BATCH_MS, limit.ms / 4));
    this.#cancelExpiry = clock.after(againMs, () => this.#expire());
  }

  /** The same events for others, without what is for the history alone. */
  tap(emit: Emit): Emit {
    return (event) => {
      this.note(event);
      if (event.type !== "task.overflow" && event.type !== "job.overflow") emit(event);
    };
  }

  note(event: Event): void {
    switch (event.type) {
      case "task.settled":
      case "job.ended":
      case "job.enqueued":
        return this.#end(event);
      case "task.started":
      case "job.started":
        return this.#outputs.started(event);
      case "task.output":
      case "task.overflow":
      case "task.flooded":
      case "task.returned":
      case "job.output":
      case "job.overflow":
      case "job.flooded":
        this.#outputs.note(event);
        if (this.#outputs.hasFresh) this.#writeWithin(BATCH_MS);
    }
  }

  #end(event: EndOfRun): void {
    const at = this.#options.clock.now();
    const output = this.#outputs.isEmpty ? null : this.#outputs.end(event);
    this.#ended.add(event, at, output, this.#segments.capacity);
    this.#writeWithin(this.#wasFull ? FULL_BATCH_MS : BATCH_MS);
  }

  #writeWithin(ms: number): void {
    if (this.#isClosed) return this.#write();
    if (ms >= this.#withinMs) return;
    this.#cancel();
    this.#withinMs = ms;
    this.#cancel = this.#options.clock.after(ms, () => this.#write());
  }

  #write(): void {
    this.#cancel();
    this.#withinMs = Infinity;
    const { count } = this.#ended;
    this.#wasFull = count >= Math.max(MANY, this.#segments.capacity);
    this.#attempt(() => {
      for (let at = 0; at < count;) {
        at += this.#segments.append(count - at, this.#options.clock.now(), (segment, taken) => {
          return this.#ended.lines(at, taken, (run) => entryLine(this.#entryOf(run, segment)));
        });
      }
      if (count > 0) this.#segments.expire(this.#options.clock.now());
      this.#outputs.write();
    });
    this.#ended.clear();
  }

  #entryOf({ event, at, output }: EndedRun, segment: string): HistoryEntry {
    const { mask } = this.#options;
    const size = output && {
      lines: output.lines,
      bytes: output.bytes,
      file: this.#outputs.isKept(event) ? this.#outputs.keep(segment, output.text) : null,
    };
    return entryOf(event, at, size, mask);
  }

  /** What fails is said once, and again when it has gone well meanwhile. */
  #attempt(work: () => void): void {
    try {
      work();
      this.#isBroken = false;
    } catch (error) {
      if (!this.#isBroken) {
        this.#options.warn(`the history cannot be written: ${reasonOf(error)}`);
      }
      this.#isBroken = true;
    }
  }

  /** Writes what is left. What ends later is written at once. */
  close(): void {
    this.#isClosed = true;
    this.#cancelExpiry();
    this.#write();
    this.#attempt(() => this.#outputs.close());
  }
}

function entryOf(
  event: EndOfRun,
  at: number,
  output: OutputSize | null,
  mask: (text: string) => string,
): HistoryEntry {
  switch (event.type) {
    case "task.settled": {
      const { task: name, func, attempt, waitMs, fate } = event;
      return {
        name,
        func,
        attempt,
        startedAt: startOf(at, event.tookMs),
        tookMs: tenths(event.tookMs),
        waitMs: waitMs === null ? null : Math.round(waitMs),
        fate: fate.kind,
        dueAt: "dueAt" in fate ? Math.round(fate.dueAt) : null,
        reason: "reason" in fate ? mask(fate.reason) : null,
        output,
      };
    }
    case "job.ended": {
      const { job, attempt, slot, ok, exit } = event;
      const startedAt = startOf(at, event.tookMs);
      const tookMs = tenths(event.tookMs);
      return { job, attempt, startedAt, tookMs, slot, ok, result: mask(exit), output };
    }
    case "job.enqueued": {
      const { job, slot, task } = event;
      const span = { startedAt: startOf(at, 0), tookMs: 0 };
      return { job, attempt: 1, ...span, slot, ok: true, result: `task ${task}`, output };
    }
    default:
      return event satisfies never;
  }
}
