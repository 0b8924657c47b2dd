/** The output of what runs: counted, and kept where the ini says so, in a file that grows with it. */

import type { Clock } from "../platform/clock.ts";
import type { Event, OutputStream } from "../report/event.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import { hasFailed } from "../task/fate.ts";
import type { HistoryEntry } from "./entry.ts";
import {
  type OutputHeader,
  outputLine,
  readHeader,
  readOutputLine,
  RunOutput,
} from "./run_output.ts";
import type { HistoryConfig } from "./settings.ts";

type OutputEvent = Extract<
  Event,
  {
    type:
      | ("task.output" | "task.overflow" | "task.flooded" | "task.returned")
      | ("job.output" | "job.overflow" | "job.flooded");
  }
>;
type StartEvent = Extract<Event, { type: "task.started" | "job.started" }>;
type EndEvent = Extract<Event, { type: "task.settled" | "job.ended" | "job.enqueued" }>;

/** More than run at once: what is never settled here is forgotten. */
const MOST_RUNS = 10_000;

export interface OutputsOptions {
  readonly files: HistoryFiles;
  readonly config: HistoryConfig;
  readonly clock: Clock;
  readonly unique: number;
  /** Takes secrets out of a line. */
  mask(text: string): string;
}

/** A run whose program died, with what it had printed. */
export interface OrphanRun {
  readonly entry: HistoryEntry;
  readonly text: string;
}

export class Outputs {
  config: HistoryConfig;
  readonly #runs = new Map<string, RunOutput>();
  /** Of what runs, where it is not the first. */
  readonly #attempts = new Map<string, number>();
  /** Runs with lines that are not in their file yet. */
  readonly #fresh = new Set<RunOutput>();
  /** Of what runs. */
  readonly #files = new Map<RunOutput, string>();
  /** Runs that have ended, whose files stay until the next batch. */
  readonly #over = new Set<RunOutput>();
  #count = 0;

  constructor(private readonly options: OutputsOptions) {
    this.config = options.config;
  }

  get isEmpty(): boolean {
    return this.#runs.size === 0 && this.#attempts.size === 0;
  }

  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  started(event: StartEvent): void {
    const { attempt } = event;
    if (attempt === 1) return;
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size >= MOST_RUNS && oldest !== undefined) this.#attempts.delete(oldest);
    this.#attempts.set(keyOf(event), attempt);
  }

  note(event: OutputEvent): void {
    const key = keyOf(event);
    if (event.type === "task.returned") return this.#forget(key);
    // What code prints outside of a task is no run's.
    if (key === "" || "isHook" in event && event.isHook) return;
    const run = this.#runs.get(key) ?? this.#begin(key, event);
    switch (event.type) {
      case "task.flooded":
      case "job.flooded":
        if (!run.hasOverflow) run.miss(event.lines);
        return;
      case "task.overflow":
      case "job.overflow":
        run.hasOverflow = true;
        run.miss(event.skipped);
        for (const line of event.lines) this.#add(run, event.stream, line);
        return;
      default:
        this.#add(run, event.stream, event.line);
    }
  }

  #add(run: RunOutput, stream: OutputStream, line: string): void {
    run.add(this.options.clock.now(), stream, this.options.mask(line));
    if (this.config.output !== "none") this.#fresh.add(run);
  }

  #begin(key: string, event: Exclude<OutputEvent, { type: "task.returned" }>): RunOutput {
    const header: OutputHeader = {
      of: "job" in event ? event.job : key,
      func: "job" in event ? "" : event.func,
      attempt: this.#attempts.get(key) ?? 1,
      since: Math.round(this.options.clock.now()),
      slot: "job" in event ? event.slot : null,
    };
    const run = new RunOutput(header, this.config.output === "none" ? 0 : this.config.outputMax);
    const [oldest] = this.#runs.keys();
    if (this.#runs.size >= MOST_RUNS && oldest !== undefined) this.#forget(oldest);
    this.#runs.set(key, run);
    return run;
  }

  #forget(key: string): void {
    this.#attempts.delete(key);
    const run = this.#runs.get(key);
    if (run === undefined) return;
    this.#runs.delete(key);
    this.#fresh.delete(run);
    const file = this.#files.get(run);
    this.#files.delete(run);
    if (file !== undefined) this.options.files.removeRunning(file);
  }

  /** What a run has printed that is over now; null when that is nothing. */
  end(event: EndEvent): RunOutput | null {
    const key = keyOf(event);
    this.#attempts.delete(key);
    const run = this.#runs.get(key);
    if (run === undefined) return null;
    this.#runs.delete(key);
    this.#fresh.delete(run);
    if (this.#files.has(run)) this.#over.add(run);
    return run;
  }

  isKept(event: EndEvent): boolean {
    switch (this.config.output) {
      case "all":
        return true;
      case "none":
        return false;
      case "failed":
        return isFailure(event);
    }
  }

  /** Puts output beside the entries of a segment; returns the name of its file. */
  keep(segment: string, text: string): string {
    const file = `output-${Deno.pid}-${this.options.unique}-${++this.#count}`;
    this.options.files.putOutput(segment, file, new TextEncoder().encode(text));
    return file;
  }

  /** Brings the files of what runs up to date, and removes those of what has ended. */
  write(): void {
    const { files, unique } = this.options;
    for (const run of this.#over) {
      const file = this.#files.get(run);
      this.#files.delete(run);
      if (file !== undefined) files.removeRunning(file);
    }
    this.#over.clear();
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    for (const run of fresh) {
      const program = files.program(unique);
      if (program === null) return;
      const file = this.#files.get(run) ?? `${program}_${++this.#count}`;
      this.#files.set(run, file);
      const taken = run.takeFresh();
      if (taken === null) continue;
      const bytes = new TextEncoder().encode(taken.text);
      if (taken.replaces) files.replaceRunning(file, bytes);
      else files.appendRunning(file, bytes);
    }
  }

  /** The runs of programs that have died; their files are gone then. */
  takeOrphans(): OrphanRun[] {
    const { files } = this.options;
    return files.orphans().flatMap((file) => {
      const text = new TextDecoder().decode(files.readRunning(file) ?? new Uint8Array(0));
      files.removeRunning(file);
      return orphanIn(text) ?? [];
    });
  }

  close(): void {
    for (const key of [...this.#runs.keys()]) this.#forget(key);
    this.write();
    this.options.files.close();
  }
}

/** Names a run among those that go on. */
function keyOf(event: OutputEvent | StartEvent | EndEvent): string {
  if ("job" in event) return `${event.job}\0${event.slot}`;
  // What a worker prints has the task's directory, too.
  return event.task.slice(event.task.lastIndexOf("/") + 1);
}

function isFailure(event: EndEvent): boolean {
  if (event.type === "job.enqueued") return false;
  if (event.type === "job.ended") return !event.ok;
  const { fate } = event;
  return fate.kind === "failed" || hasFailed(fate);
}

function orphanIn(text: string): OrphanRun | null {
  const [first = "", ...rest] = text.split("\n");
  const header = readHeader(first);
  if (header === null) return null;
  const lines = rest.map(readOutputLine).filter((line) => line !== null);
  const { of, func, attempt, since, slot } = header;
  const run = {
    attempt,
    startedAt: since,
    tookMs: Math.max(0, (lines.at(-1)?.at ?? since) - since),
    output: {
      lines: lines.at(-1)?.number ?? 0,
      bytes: new TextEncoder().encode(lines.map((line) => `${line.text}\n`).join("")).length,
      file: null,
    },
  };
  const reason = "the program died while it ran";
  const entry: HistoryEntry = slot === null
    ? { name: of, func, ...run, waitMs: null, fate: "ready", dueAt: null, reason }
    : { job: of, slot, ...run, ok: false, result: reason };
  return { entry, text: lines.map(outputLine).join("") };
}
