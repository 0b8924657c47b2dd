/**
 * Totals of what has happened, from events alone: for statistics and metrics. An event costs a few
 * lookups, and the memory has a bound: functions, spools and jobs beyond a number are one, `other`.
 *
 * @pure
 */

import type { Clock } from "../platform/clock.ts";
import { type Fate, hasFailed } from "../task/fate.ts";
import type { RefusalKind } from "../wire/refusal.ts";
import type { Event } from "./event.ts";
import { Histogram } from "./histogram.ts";
import { levelOf } from "./level.ts";
import { eventText } from "./log.ts";
import { MinuteCount } from "./minute_count.ts";
import type { Masking } from "./secrets.ts";
import type { WarningSnapshot } from "./snapshot.ts";

/** What stands for all names that are too many. */
export const OTHER = "other";
/** Functions of all spools together that are counted by their names. */
export const MOST_FUNCTIONS = 100;
const MOST_JOBS = 1000;
const WARNINGS = 20;

export interface FunctionTotals {
  readonly spool: string;
  readonly func: string;
  readonly fates: Map<Fate["kind"], number>;
  /** Runs that have failed by themselves, whether the task is retried or given up. */
  failures: number;
  readonly runs: Histogram;
}

/** Of one spool. */
export interface SpoolTotals {
  readonly functions: Map<string, FunctionTotals>;
  readonly waits: Histogram;
  /** Done or given up. */
  readonly out: MinuteCount;
}

export interface JobTotals {
  ok: number;
  failed: number;
  /** Ended by an operator. */
  killed: number;
  /** Milliseconds since the epoch. */
  lastSuccessAt: number | null;
}

export interface EventCountersOptions {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  /** Takes secrets out of warnings; absent where none are known. */
  readonly masking?: Masking;
}

export class EventCounters {
  readonly #options: EventCountersOptions;
  readonly spools = new Map<string, SpoolTotals>();
  readonly jobs = new Map<string, JobTotals>();
  readonly refused = new Map<RefusalKind, number>();
  accepted = 0;
  readonly #warnings: WarningSnapshot[] = [];
  #functions = 0;

  constructor(options: EventCountersOptions) {
    this.#options = options;
  }

  /** The last few, the oldest first. */
  get warnings(): readonly WarningSnapshot[] {
    return [...this.#warnings];
  }

  note(event: Event): void {
    switch (event.type) {
      case "task.accepted":
        this.accepted++;
        return;
      case "task.settled":
        return this.#settled(event);
      // They come in thousands and say nothing that is counted.
      case "task.output":
      case "task.overflow":
      case "task.started":
      case "job.output":
      case "job.overflow":
      case "worker.output":
      case "debug":
        return;
      case "packet.refused":
        this.#refuse(event.kind, 1);
        return;
      case "packets.refused":
        for (const [kind, count] of event.counts) this.#refuse(kind, count);
        return;
      case "job.ended":
        this.#jobEnded(event.job, event.ok ? "ok" : event.killed ? "killed" : "failed");
        break;
      case "job.enqueued":
        this.#jobEnded(event.job, "ok");
        break;
    }
    this.#warn(event);
  }

  #settled(
    { spool, func, fate, tookMs, waitMs }: Extract<Event, { type: "task.settled" }>,
  ): void {
    const totals = this.#spoolOf(spool);
    const counted = this.#functionOf(totals, spool, func);
    const { fates, runs } = counted;
    fates.set(fate.kind, (fates.get(fate.kind) ?? 0) + 1);
    if (hasFailed(fate)) counted.failures++;
    runs.add(tookMs / 1000);
    if (fate.kind === "done" || fate.kind === "failed" || fate.kind === "removed") {
      totals.out.add(this.#options.clock.monotonic());
    }
    if (waitMs !== null) totals.waits.add(waitMs / 1000);
  }

  #spoolOf(spool: string): SpoolTotals {
    let totals = this.spools.get(spool);
    if (totals === undefined) {
      totals = { functions: new Map(), waits: new Histogram(), out: new MinuteCount() };
      this.spools.set(spool, totals);
    }
    return totals;
  }

  #functionOf({ functions }: SpoolTotals, spool: string, func: string): FunctionTotals {
    const known = functions.get(func);
    if (known !== undefined) return known;
    const name = this.#functions < MOST_FUNCTIONS ? func : OTHER;
    let totals = functions.get(name);
    if (totals === undefined) {
      if (name !== OTHER) this.#functions++;
      totals = { spool, func: name, fates: new Map(), failures: 0, runs: new Histogram() };
      functions.set(name, totals);
    }
    return totals;
  }

  #refuse(kind: RefusalKind, count: number): void {
    this.refused.set(kind, (this.refused.get(kind) ?? 0) + count);
  }

  #jobEnded(job: string, result: "ok" | "failed" | "killed"): void {
    const name = this.jobs.has(job) || this.jobs.size < MOST_JOBS ? job : OTHER;
    const totals = this.jobs.get(name) ?? { ok: 0, failed: 0, killed: 0, lastSuccessAt: null };
    this.jobs.set(name, totals);
    totals[result]++;
    if (result === "ok") totals.lastSuccessAt = this.#options.clock.now();
  }

  /** Tasks and jobs that fail are counted, and are no warnings of the program. */
  #warn(event: Event): void {
    const level = levelOf(event);
    if (level !== "warning" && level !== "error") return;
    if (event.type.startsWith("job.") || event.type === "task.flooded") return;
    const { clock, masking } = this.#options;
    const text = eventText(event);
    this.#warnings.push({ at: clock.now(), level, text: masking?.mask(text) ?? text });
    if (this.#warnings.length > WARNINGS) this.#warnings.shift();
  }
}
