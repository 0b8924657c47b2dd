/** Puts together what the program is doing now: each part is asked for its own piece. */

import type { Clock } from "../platform/clock.ts";
import { VERSION } from "../platform/version.ts";
import type { EventCounters } from "../report/counters.ts";
import { maskedSnapshot } from "../report/masked_snapshot.ts";
import type { Masking } from "../report/secrets.ts";
import type {
  JobSnapshot,
  ProgramSnapshot,
  ReachedLimit,
  RunningTaskSnapshot,
  SpoolSnapshot,
  WorkerSnapshot,
} from "../report/snapshot.ts";
import type { Life } from "./life.ts";
import type { RunningProgram } from "./running_program.ts";

export interface SnapshotsOptions extends RunningProgram {
  readonly clock: Clock;
  readonly counters: EventCounters;
  /** Absent where no secrets are known. */
  readonly masking?: Masking;
}

interface LifeNow {
  readonly dispatchers: Life["parts"]["dispatchers"];
  readonly workers: readonly WorkerSnapshot[];
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #startedAt: number;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  /** Whoever asks, and by whatever way: no secret is in it. */
  async take(): Promise<ProgramSnapshot> {
    const { masking } = this.#options;
    const snapshot = await this.#take();
    return masking === undefined
      ? snapshot
      : maskedSnapshot(snapshot, (text) => masking.mask(text));
  }

  async #take(): Promise<ProgramSnapshot> {
    const { clock, counters, estate } = this.#options;
    const lives = this.#options.lives().map(({ parts }) => parts)
      .map(({ dispatchers, workers }) => ({ dispatchers, workers: workers?.snapshot() ?? [] }));
    const life = this.#options.life()?.parts;
    return {
      version: VERSION,
      pid: Deno.pid,
      uid: Deno.uid() ?? 0,
      gid: Deno.gid() ?? 0,
      cwd: life?.config.workingDir ?? Deno.cwd(),
      file: life?.config.file ?? "",
      startedAt: this.#startedAt,
      at: clock.now(),
      isStopping: this.#options.isStopping(),
      spools: life ? await this.#spools(life) : [],
      running: this.#running(lives),
      workers: lives.flatMap(({ workers }) => workers),
      jobs: estate.jobs().map((job) => this.#withSuccess(job)),
      sockets: estate.sockets?.snapshot() ?? [],
      connections: estate.sockets?.connections ?? 0,
      targets: life?.forwarders.flatMap((each) => each.snapshot()) ?? [],
      warnings: counters.warnings,
    };
  }

  /**
   * The limit that a ready task waits for.
   *
   * @param spool its directory
   */
  limitOf(spool: string, id: string): ReachedLimit | null {
    const dispatchers = this.#options.life()?.parts.dispatchers ?? [];
    return dispatchers.find(({ dir }) => dir === spool)?.limitOf(id) ?? null;
  }

  async #spools({ spools, leased, dispatchers }: Life["parts"]): Promise<SpoolSnapshot[]> {
    const { clock, counters } = this.#options;
    return await Promise.all(
      [...spools, ...leased].map(async ({ name, config: { dir }, store }) => {
        const out = counters.spools.get(name)?.out.total(clock.monotonic()) ?? 0;
        const dispatcher = dispatchers.find((each) => each.dir === dir);
        if (dispatcher) return { ...await dispatcher.snapshot(), lastMinuteOut: out };
        return {
          ...{ name, dir, external: true, counts: null, hasMore: false, processes: 0 },
          ...{ paused: store.paused, oldestReadyMs: null, lastMinuteIn: 0, lastMinuteOut: out },
          freeBytes: store.freeBytes(),
        };
      }),
    );
  }

  /** What the program runs, and what workers have of its batches. */
  #running(lives: readonly LifeNow[]): RunningTaskSnapshot[] {
    const now = this.#options.clock.now();
    const runs = lives.flatMap(({ dispatchers, workers }) => {
      const own = dispatchers.flatMap((each) => each.programRuns);
      const ofWorkers = workers.flatMap(({ spool, task: id, pid, busyMs, progress }) => {
        if (id === null) return [];
        const said = progress === undefined ? {} : { progress };
        const known = own.find((run) => run.id === id && run.spool === spool);
        if (known === undefined) {
          const startedAt = Math.round(now - busyMs);
          return [{ spool, id, function: "", pid, startedAt, attempt: 1, ...said }];
        }
        return [{ ...known, pid, ...said }];
      });
      const isElsewhere = ({ spool, id }: RunningTaskSnapshot) =>
        ofWorkers.some((run) => run.id === id && run.spool === spool);
      return [...own.filter((run) => !isElsewhere(run)), ...ofWorkers];
    });
    return runs.toSorted((a, b) => a.startedAt - b.startedAt);
  }

  /** What ended well before this start is in the state file, when nothing has run since. */
  #withSuccess(job: Omit<JobSnapshot, "lastSuccessAt">): JobSnapshot {
    const counted = this.#options.counters.jobs.get(job.name)?.lastSuccessAt ?? null;
    const { ok = null, endedAt = null } = job.lastRun ?? {};
    return { ...job, lastSuccessAt: counted ?? (ok ? endedAt : null) };
  }
}
