/** The histories of spools and schedules: each directory has one recorder, however many lives use it. */

import { basename } from "@std/path";
import { type JobHistory, openJobHistory } from "../history/job_history.ts";
import { Recorder } from "../history/recorder.ts";
import type { HistoryConfig } from "../history/settings.ts";
import type { Emit } from "../report/event.ts";
import type { HistoryFiles } from "../spool/history_files.ts";
import type { Platform } from "../spool/platform.ts";
import type { Store } from "../spool/store.ts";
import type { Machine } from "./machine.ts";

/** Where the events of a spool or of a schedule go, and what of them is wanted. */
export interface RecordedEvents {
  readonly emit: Emit;
  /** What is printed over the log's budget, too. */
  readonly keepsOutput: boolean;
}

/** Takes what is done when a configuration is in force: a reload that is refused changes nothing. */
type AtTakeOver = (apply: () => void) => void;

export class Histories {
  /** By their directories. */
  readonly #recorders = new Map<string, Recorder>();
  /** By the file with the jobs' state. Each keeps its directory open. */
  readonly #ofJobs = new Map<string, JobHistory>();

  constructor(private readonly machine: Machine, private readonly platform: Platform) {}

  /** @param later gets what changes a history that is in use, once the new settings are in force */
  ofSpool(store: Store, config: HistoryConfig, later: AtTakeOver): RecordedEvents {
    const { emit } = this.machine;
    const spool = basename(store.dir);
    const warn = (message: string) => emit({ type: "spool.warning", spool, message });
    return this.#record(store.history, false, config, warn, later);
  }

  /** @param later as of a spool */
  ofJobs(statePath: string, config: HistoryConfig, later: AtTakeOver): RecordedEvents {
    const { emit } = this.machine;
    const warn = (message: string) => emit({ type: "schedule.warning", message });
    return this.#record(this.jobFiles(statePath), true, config, warn, later);
  }

  /** The history of the jobs whose state is in a file. */
  jobFiles(statePath: string): HistoryFiles {
    const known = this.#ofJobs.get(statePath);
    if (known !== undefined) return known.files;
    const opened = openJobHistory(statePath, { ...this.platform, ...this.machine });
    this.#ofJobs.set(statePath, opened);
    return opened.files;
  }

  #record(
    files: HistoryFiles,
    isOfJobs: boolean,
    config: HistoryConfig,
    warn: (message: string) => void,
    later: AtTakeOver,
  ): RecordedEvents {
    const { clock, random, emit, masking } = this.machine;
    const { limit } = config;
    const known = this.#recorders.get(files.dir);
    if (limit === null) {
      later(() => this.close(files.dir));
      return { emit, keepsOutput: false };
    }
    const keepsOutput = config.output !== "none";
    if (known !== undefined) {
      later(() => known.use(limit, config));
      return { emit: known.tap(emit), keepsOutput };
    }
    const unique = Math.floor(random() * 2 ** 31);
    const mask = (text: string) => masking?.maskKnown(text) ?? text;
    const recorder = new Recorder({ files, limit, config, isOfJobs, clock, unique, mask, warn });
    this.#recorders.set(files.dir, recorder);
    recorder.start();
    return { emit: recorder.tap(emit), keepsOutput };
  }

  /** Writes what is left of a history that nobody adds to any more. */
  close(dir: string): void {
    this.#recorders.get(dir)?.close();
    this.#recorders.delete(dir);
  }

  /** Of jobs that no schedule runs any more. */
  closeJobs(statePath: string): void {
    const opened = this.#ofJobs.get(statePath);
    if (opened === undefined) return;
    this.close(opened.files.dir);
    opened[Symbol.dispose]();
    this.#ofJobs.delete(statePath);
  }

  closeAll(): void {
    for (const dir of [...this.#recorders.keys()]) this.close(dir);
  }
}
