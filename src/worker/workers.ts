/**
 * All task workers of the program: a pool for each language in each spool, what their code has
 * registered, and what it asks for.
 */

import { join } from "@std/path";
import { InterruptedError } from "../exec/stop_signal.ts";
import type { Cancel } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { watchTouched } from "../platform/touched.ts";
import type { Emit } from "../report/event.ts";
import { Once } from "../report/once.ts";
import type { WorkerSnapshot } from "../report/snapshot.ts";
import type { RaiseHow, SignalHandlers } from "../schedule/signal_handlers.ts";
import type { Registration } from "../schedule/registration.ts";
import { VERSION } from "../platform/version.ts";
import { Batches } from "./batches.ts";
import { answerCall, type CallTarget } from "./calls.ts";
import { CallSocket } from "./call_socket.ts";
import { type Language, workerCommand } from "./commands.ts";
import { SocketDirectory } from "./sockets.ts";
import { poolExecutor } from "./executor.ts";
import { Locks } from "./locks.ts";
import type { Registered } from "./registered.ts";
import { Pool } from "./pool.ts";
import type { WorkerCommand } from "./process.ts";
import type { TaskModule } from "./settings.ts";
import { standingOf } from "./standing.ts";
import type { TaskWorker } from "./task_worker.ts";
import { registrationOf } from "./timer_registration.ts";
import type { WorkerCall, WorkerOffer } from "./worker_listener.ts";
import type { SpoolWorkers, WorkedSpool, WorkersOptions } from "./workers_options.ts";

interface PoolParts {
  readonly language: Language;
  readonly command: WorkerCommand;
  /** No other language has workers in the spool. */
  readonly alone: boolean;
  readonly sockets: SocketDirectory;
}

interface Member {
  readonly spool: string;
  readonly language: Language;
  readonly pool: Pool;
  registered: Registered;
}

const NO_WORKERS: SpoolWorkers = { handlers: [], handout: null };
const NOTHING_REGISTERED: Registered = { signals: [], handlers: {}, timers: [] };

export class Workers {
  readonly #options: WorkersOptions;
  readonly #members: Member[] = [];
  #sockets: SocketDirectory | null = null;
  readonly #callSockets: CallSocket[] = [];
  #register: (owner: string, registrations: readonly Registration[]) => void = () => {};
  #cancelTouch: Cancel = () => {};
  /** Warnings of task code that were logged. */
  readonly #warned = new Once();
  /** Pools whose first worker has loaded its modules, or could not. */
  readonly #tried = new Set<Pool>();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #end = () => {
    for (const { pool } of this.#members) pool.abort("ended with the program");
  };

  constructor(options: WorkersOptions) {
    this.#options = options;
    options.abort.addEventListener("abort", this.#end);
  }

  /** Makes the pools of a spool. They start with {@link start}. */
  async add(spool: WorkedSpool): Promise<SpoolWorkers> {
    const { modules } = this.#options.config.code;
    if (modules.length === 0) return NO_WORKERS;
    const { account, claims, clock } = this.#options;
    this.#sockets ??= await SocketDirectory.make(claims, clock, undefined, account?.uid ?? null);
    const sockets = this.#sockets;
    const languages = [...new Set(modules.map(({ language }) => language))];
    const pools: Pool[] = [];
    for (const language of languages) {
      const { config } = this.#options;
      const command = await workerCommand(language, config, spool.config, sockets.path, account);
      const alone = languages.length === 1;
      pools.push(this.#pool(spool, { language, command, alone, sockets }));
    }
    const handlers = pools.map(poolExecutor);
    const [pool, executor] = [pools[0], handlers[0]];
    if (!pool || !executor) return NO_WORKERS;
    const { name, store, config: { maxAgeMs, ordered } } = spool;
    // A task that its worker cannot lock or remove is run one at a time, by the program.
    if (account) return { handlers, handout: null };
    const emit = spool.emit ?? this.#options.emit;
    const debug = spool.debugOf?.("pool");
    const about = { name, pool, executor, store, maxAgeMs, ordered, clock, emit, debug };
    return { handlers, handout: (parts) => new Batches({ ...about, ...parts }) };
  }

  #noting(emit: Emit): Emit {
    return (event) => {
      emit(event);
      if (event.type !== "workers.unloadable") return;
      this.#noteTried(this.#of(event.spool).map(({ pool }) => pool));
    };
  }

  #pool(worked: WorkedSpool, { language, command, alone, sockets }: PoolParts): Pool {
    const { config, clock, stopping } = this.#options;
    const emit = this.#noting(worked.emit ?? this.#options.emit);
    const { name, config: spool, tasks } = worked;
    const { code, spools } = config;
    const locks = new Locks<TaskWorker>();
    const target = this.#callTarget(worked, locks);
    const call = (asked: WorkerCall) => answerCall(asked, target);
    const calls = join(sockets.makeDir(), "socket");
    this.#callSockets.push(new CallSocket({ path: calls, owner: sockets.owner, clock, call }));
    const pool = new Pool({
      spool: name,
      modules: code.modules.filter((each) => each.language === language).map(moduleRef),
      command,
      setup: {
        spool: spool.dir,
        spools: spools.map(({ dir }) => dir),
        options: code.options,
        processes: spool.processes,
        hostname: Deno.hostname(),
        version: VERSION,
        master: Deno.pid,
        calls,
        names: config.tasks.flatMap((task) => task.name ?? []),
        alone,
      },
      sockets,
      tasks,
      size: spool.processes,
      harakiriMs: spool.harakiriMs,
      maxTasks: code.maxTasks,
      idleMs: code.cheap ? spool.frequencyMs : null,
      ...(stopping ? { stopping } : {}),
      clock,
      emit,
      keepsOutput: worked.keepsOutput,
      debug: worked.debugOf?.("pool"),
      registered: (registered) => this.#onRegistered(pool, registered),
      call,
      gone: (worker) => locks.forget(worker),
    });
    this.#members.push({ spool: name, language, pool, registered: NOTHING_REGISTERED });
    return pool;
  }

  #callTarget({ name, frequency }: WorkedSpool, locks: Locks<TaskWorker>): CallTarget {
    const { emit, put } = this.#options;
    return {
      locks,
      put,
      log: (line) => emit({ type: "worker.output", spool: name, stream: "stdout", line }),
      warn: (message) => this.#warn(name, message),
      raise: (signal) => void this.#raiseForCode(signal, name),
      setFrequency: (ms) => frequency.ms = ms,
      pids: () => this.#of(name).flatMap((member) => member.pool.pids),
    };
  }

  #warn(spool: string, message: string): void {
    if (!this.#warned.isFirst(`${spool} ${message}`)) return;
    this.#options.emit({ type: "spool.warning", spool, message });
  }

  #of(spool: string): Member[] {
    return this.#members.filter((member) => member.spool === spool);
  }

  /** Resolves when each pool has loaded its modules once, or could not. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  #noteTried(pools: readonly Pool[]): void {
    for (const pool of pools) this.#tried.add(pool);
    if (this.#tried.size >= this.#members.length) this.#loaded.resolve();
  }

  /** @param register takes all that the code of a spool registers for the clock */
  start(register: (owner: string, registrations: readonly Registration[]) => void): void {
    this.#register = register;
    for (const { pool } of this.#members) pool.start();
    this.#noteTried([]);
    if (this.#members.length === 0) return;
    const { config, clock } = this.#options;
    this.#cancelTouch = watchTouched(config.code.touchReload, clock, (file) => this.reload(file));
  }

  #onRegistered(pool: Pool, registered: Registered): void {
    const member = this.#members.find((each) => each.pool === pool);
    if (member === undefined) return;
    member.registered = registered;
    this.#noteTried([pool]);
    const wishes = this.#of(member.spool).flatMap((each) => each.registered.timers);
    this.#register(member.spool, wishes.map(registrationOf));
  }

  /** What the modules of each pool offer, as far as they are loaded. */
  get offers(): readonly WorkerOffer[] {
    return this.#members.flatMap(({ pool }) => pool.offer ?? []);
  }

  /** Every worker there is. */
  snapshot(): WorkerSnapshot[] {
    return this.#members.flatMap(({ spool, language, pool }) => {
      const about = { spool, language, modules: pool.moduleNames };
      return pool.workers.map((worker) => ({ ...about, ...standingOf(worker) }));
    });
  }

  /** Handlers of signals, for the schedules. */
  get signals(): SignalHandlers {
    return {
      has: (signal, owner) => this.#hearing(signal, owner) !== undefined,
      raise: (signal, owner, how) => this.#raise(signal, owner, how),
    };
  }

  #hearing(signal: number, owner: string | null): Member | undefined {
    const owners = owner === null ? this.#options.owners : [owner];
    return owners.flatMap((each) => this.#of(each)).find(({ pool }) => pool.hasSignal(signal));
  }

  #raise(signal: number, owner: string | null, how: RaiseHow): Promise<void> {
    const member = this.#hearing(signal, owner);
    if (member !== undefined) return member.pool.raise(signal, how);
    return Promise.reject(new Error(`no task code has a handler for signal ${signal}`));
  }

  /** Task code raised it, and goes on: what becomes of it is for the log alone. */
  async #raiseForCode(signal: number, spool: string): Promise<void> {
    const { emit, clock } = this.#options;
    const pool = this.#hearing(signal, spool)?.pool;
    if (pool === undefined) {
      return this.#warn(spool, `signal ${signal} was raised, and has no handler in task code`);
    }
    let startedAt: number | null = null;
    const begun = () => void (startedAt = clock.monotonic());
    const took = () => startedAt === null ? 0 : clock.monotonic() - startedAt;
    try {
      await pool.raise(signal, { limitMs: null, begun });
    } catch (error) {
      if (error instanceof InterruptedError) return;
      const func = pool.handlerName(signal);
      emit({ type: "signal.failed", spool, signal, func, reason: reasonOf(error), tookMs: took() });
    }
  }

  /** Fresh workers for all spools; what runs is not disturbed. */
  reload(reason: string): void {
    for (const { spool, pool } of this.#members) {
      this.#options.emit({ type: "workers.reloading", spool, reason });
      pool.reload();
    }
  }

  /** Resolves when no worker is left. */
  async stop(): Promise<void> {
    this.#cancelTouch();
    await Promise.all(this.#members.map(({ pool }) => pool.stop()));
    await Promise.all(this.#callSockets.map((each) => each[Symbol.asyncDispose]()));
    await this.#sockets?.[Symbol.asyncDispose]();
    this.#sockets = null;
    // The signal lives as long as the program.
    this.#options.abort.removeEventListener("abort", this.#end);
  }
}

function moduleRef({ kind, name, written, isApp, factory, code, alias }: TaskModule) {
  return { kind, name, written, isApp, factory, code, alias };
}
