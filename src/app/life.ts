/**
 * One configuration at work: its spools with what runs their tasks, opened and wired together. Stores,
 * sockets and schedules belong to the estate, for the next life to take over.
 *
 * This file is longer than 300 lines because what is opened here is also handed on and ended here.
 */

import { basename } from "@std/path";
import type { Account } from "../schedule/account.ts";
import type { Config } from "../config/config.ts";
import type { Executor } from "../exec/executor.ts";
import { Forwarder } from "../forward/forwarder.ts";
import type { ForwardConfig } from "../forward/settings.ts";
import { reasonOf } from "../platform/reason.ts";
import { ImpossibleStateError } from "../platform/unexpected.ts";
import { Dispatcher, tasksFor } from "../queue/dispatcher.ts";
import { Frequency } from "../queue/frequency.ts";
import { Retention } from "../queue/retention.ts";
import { debugOf } from "../report/debug.ts";
import type { SignalHandlers } from "../schedule/signal_handlers.ts";
import type { SchedulerOptions } from "../schedule/scheduler.ts";
import type { Accept } from "../server/incoming_task.ts";
import { destinationsOf } from "../server/destination.ts";
import { type Spool, spoolFor } from "../server/reception.ts";
import type { StoreSettings } from "../spool/store.ts";
import { Workers } from "../worker/workers.ts";
import type { PreparedSockets } from "./estate.ts";
import { commandExecutors, workersAccount } from "./commands.ts";
import type { Announce } from "./incoming.ts";
import type { LeasedSpool } from "./leased.ts";
import type { LifeOptions } from "./life_options.ts";
import { heardSignals, schedulerOptions } from "./schedules.ts";
import { reportHandlers, warnOfLocks, warnOfStore } from "./start_lines.ts";

/** A new life begins to work without its modules when they take longer than this to load. */
const LOADED_WITHIN_MS = 10_000;

/** What a life is made of. */
export interface LifeParts {
  readonly config: Config;
  /** Where tasks can be put. */
  readonly spools: readonly Spool[];
  /** Where the tasks of streams are while they run here. */
  readonly leased: readonly LeasedSpool[];
  readonly dispatchers: readonly Dispatcher[];
  readonly forwarders: readonly Forwarder[];
  readonly workers: Workers | null;
}

export class Life {
  readonly #options: LifeOptions;
  readonly #spools: Spool[] = [];
  readonly #leased: LeasedSpool[] = [];
  readonly #dispatchers: Dispatcher[] = [];
  readonly #retentions: Retention[] = [];
  readonly #forwarders: Forwarder[] = [];
  #workers: Workers | null = null;
  #isRetired = false;
  /** What comes in before it has taken over waits for that. */
  readonly #opened = Promise.withResolvers<Accept>();
  /** Of stores that were there before this life. */
  readonly #newSettings: (() => void)[] = [];
  readonly #later = (apply: () => void) => void this.#newSettings.push(apply);
  #sockets: PreparedSockets | null = null;
  #schedules: SchedulerOptions | null = null;

  private constructor(readonly config: Config, options: LifeOptions) {
    this.#options = options;
  }

  /**
   * Opens all that a configuration names, beside the life before it, which goes on as it was.
   *
   * @param before the life to take over from; nothing of this one keeps it
   * @throws {Error} of whatever cannot be opened: then nothing is left of it
   */
  static async open(config: Config, options: LifeOptions, before: Life | null): Promise<Life> {
    const life = new Life(config, options);
    try {
      await life.#open(before);
      return life;
    } catch (error) {
      life.#opened.reject(error);
      await life.discard();
      throw error;
    }
  }

  /** The wall clock was set, ahead or back. */
  clockWasSet(): void {
    for (const dispatcher of this.#dispatchers) dispatcher.clockWasSet();
  }

  get dispatchers(): readonly Dispatcher[] {
    return this.#dispatchers;
  }

  /** What it is made of, for a snapshot. */
  get parts(): LifeParts {
    const { config } = this;
    const [spools, leased] = [this.#spools, this.#leased];
    const [dispatchers, forwarders, workers] = [this.#dispatchers, this.#forwarders, this.#workers];
    return { config, spools, leased, dispatchers, forwarders, workers };
  }

  /** How many tasks run. */
  get running(): number {
    return this.#dispatchers.reduce((sum, each) => sum + each.running, 0);
  }

  /** Handlers of signals in this life's task code. */
  get signals(): SignalHandlers {
    const workers = () => this.#isRetired ? null : this.#workers;
    return {
      has: (signal, owner) => workers()?.signals.has(signal, owner) ?? false,
      raise: (signal, owner, how) =>
        workers()?.signals.raise(signal, owner, how) ??
          Promise.reject(new Error("its worker has ended")),
    };
  }

  async #open(before: Life | null): Promise<void> {
    const { config } = this;
    const { machine: { clock, emit }, estate, socketsOpen } = this.#options;
    const { libc } = estate.platform;
    // Low ports and keys are root's, spools are not: what comes in meanwhile waits.
    this.#opened.promise.catch(() => {});
    const { incoming } = estate;
    const accept = incoming.accept(this.#opened.promise);
    const service = config.listeners.length > 0 ? incoming.service() : incoming.current;
    this.#sockets = await estate.openSockets({ config, clock, emit, libc, accept, service });
    await incoming.up();
    socketsOpen?.();
    await this.#openSpools();
    reportHandlers(config, emit);
    warnOfLocks(estate.platform, this.#spools, emit);
    const workers = this.#workers = this.#openWorkers(await workersAccount(config));
    const commands = await commandExecutors(config, clock);
    for (const spool of [...this.#spools, ...this.#leased]) {
      if (!spool.config.external) await this.#openDispatcher(spool, commands, workers);
    }
    this.#schedules = await schedulerOptions({
      config,
      spools: this.#spools,
      ...this.#options,
      signals: heardSignals(workers.signals, before?.signals),
      owners: this.#owners,
      later: this.#later,
    });
  }

  async #openSpools(): Promise<void> {
    const { machine: { clock, random, emit }, estate } = this.#options;
    const { dedupWindowMs } = this.config.reception;
    for (const { spool, names } of destinationsOf(this.config)) {
      const { dir, fsync, processes, limits } = spool;
      const name = basename(dir);
      const settings: StoreSettings = { fsync, limits, dedupWindowMs };
      const [store, isNew] = await estate.store({ dir, ...settings, clock, random });
      this.#spools.push({ name, names, config: spool, store });
      emit({ type: "spool.opened", spool: name, dir, processes: spool.external ? 0 : processes });
      if (!isNew) {
        this.#later(() => store.use(settings));
        continue;
      }
      warnOfStore(store, name, emit);
    }
    for await (const leased of estate.streams.open(this.config.streams, estate)) {
      this.#leased.push(leased);
    }
  }

  /** The spools whose workers run what task code registers: the first of them that has it. */
  get #owners(): string[] {
    const { signalSpool } = this.config;
    const spools = [...this.#spools, ...this.#leased];
    return spools.filter(({ config }) => signalSpool === null || config.dir === signalSpool)
      .map(({ name }) => name);
  }

  #openWorkers(account: Account | null): Workers {
    const { machine: { clock, emit }, estate: { platform: { claims } }, abort, stopping } =
      this.#options;
    return new Workers({
      config: this.config,
      claims,
      clock,
      emit,
      abort,
      stopping,
      owners: this.#owners,
      ...(account ? { account } : {}),
      put: async (task, spooler) => {
        const { store } = spoolFor(this.#spools, spooler);
        return store.pathOf(await store.put(task));
      },
    });
  }

  async #openDispatcher(
    { name, config: spool, store }: Spool,
    commands: readonly Executor[],
    workers: Workers,
  ): Promise<void> {
    const { machine, abort, stopping } = this.#options;
    const { env, binsh, forwards } = this.config;
    const debugFor = debugOf(this.config.debug, name, machine.emit);
    const forward = forwards.find((each) => each.spool === spool);
    const taskLimits = forward ? [] : this.config.taskLimits;
    const tasks = tasksFor(spool, debugFor, taskLimits);
    const frequency = new Frequency(spool.frequencyMs);
    const forwarder = forward && await this.#openForwarder(name, store, forward);
    const { estate: { histories } } = this.#options;
    const history = histories.ofSpool(store, this.config.history, this.#later);
    const leases = this.#leased.find((each) => each.store === store)?.leases;
    const recorded = leases ? { ...history, emit: leases.tap(history.emit) } : history;
    const worked = { name, config: spool, store, tasks, frequency, debugOf: debugFor, ...recorded };
    const work = forwarder
      ? { executors: [forwarder], concurrency: forwarder }
      : await workers.add(worked).then(
        (added) => ({
          executors: [
            ...commands.filter((command) => command.name !== null),
            ...added.handlers,
            ...commands.filter((command) => command.name === null),
          ],
          handout: added.handout,
        }),
      );
    const about = { name, config: spool, store, tasks, taskLimits, frequency };
    const commandParts = { env, binsh, abort, stopping };
    const isAwaited = (task: string) => this.#options.estate.incoming.isAwaited(spool.dir, task);
    const parts = {
      ...about,
      ...commandParts,
      ...work,
      ...machine,
      ...recorded,
      debugOf: debugFor,
      isAwaited,
    };
    const dispatcher = new Dispatcher(parts);
    this.#dispatchers.push(dispatcher);
    dispatcher.watch();
    const { failedMaxAgeMs: maxAgeMs } = spool;
    if (maxAgeMs === null) return;
    this.#retentions.push(new Retention({ ...machine, name, store, maxAgeMs }));
  }

  async #openForwarder(
    name: string,
    store: Spool["store"],
    config: ForwardConfig,
  ): Promise<Forwarder> {
    const { machine, abort } = this.#options;
    const targets = config.targets.map(({ text }) => text);
    machine.emit({ type: "forward.opened", spool: name, targets, policy: config.policy });
    const identity = await store.identity();
    const debug = debugOf(this.config.debug, name, machine.emit)("forwarder");
    const forwarder = await Forwarder.make({ config, name, identity, abort, debug, ...machine });
    this.#forwarders.push(forwarder);
    return forwarder;
  }

  /**
   * From now on this life does the work, with the sockets, spools and schedules of the one before.
   *
   * @param fail called when a part has ended with an error
   */
  takeOver(fail: (error: unknown) => void): void {
    const { machine: { emit }, estate, isDrain = false } = this.#options;
    const [workers, schedules] = [this.#workers, this.#schedules];
    if (schedules === null || workers === null) {
      throw new ImpossibleStateError("this life is not open");
    }
    // They know the life before.
    this.#schedules = null;
    for (const apply of this.#newSettings) apply();
    const { config: { reception: { dedupWindowMs } } } = this;
    const announce: Announce = (dir, tasks) => {
      for (const each of this.#dispatchers) if (each.dir === dir) each.announce(tasks);
    };
    estate.incoming.takeOver({ spools: this.#spools, dedupWindowMs, announce, fail });
    this.#sockets?.takeOver();
    this.#opened.resolve(estate.incoming.receive(this.#spools, this.config.reception));
    const scheduler = isDrain ? null : estate.schedule(schedules, fail);
    // A directory of a million tasks takes a while to scan: nothing waits for that.
    for (const dispatcher of this.#dispatchers) dispatcher.start().catch(fail);
    for (const retention of this.#retentions) retention.start().catch(fail);
    for (const each of isDrain ? [] : this.#leased) {
      estate.streams.start(each, debugOf(this.config.debug, each.name, emit)("stream"));
    }
    workers.start((owner, registrations) => {
      scheduler?.register(owner, registrations).catch((error) => {
        emit({ type: "schedule.warning", message: reasonOf(error) });
      });
    });
    const owners = new Set(this.#owners);
    this.loaded().then(() => scheduler?.keepOwners(owners)).catch(fail);
  }

  /** Resolves when the task modules are loaded, or cannot be, or take too long. */
  async loaded(): Promise<void> {
    const { clock } = this.#options.machine;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(LOADED_WITHIN_MS, late.resolve);
    await Promise.race([this.#workers?.loaded, late.promise]);
    cancel();
  }

  /** Starts nothing more; resolves when what runs has ended. */
  async retire(): Promise<void> {
    const { streams } = this.#options.estate;
    const working = [...this.#dispatchers, ...this.#retentions];
    const stopped = working.map((part) => part.stop());
    // None of what waits is started any more.
    for (const each of this.#leased) streams.stop(each);
    await Promise.all(stopped);
    await this.#end();
  }

  /** Takes a life apart that was opened and did not begin. */
  async discard(): Promise<void> {
    this.#opened.reject(new Error("it does not begin"));
    await this.#sockets?.discard();
    await this.retire();
  }

  async #end(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    await this.#workers?.stop();
    for (const forwarder of this.#forwarders) forwarder.close();
    const { estate } = this.#options;
    await Promise.all(this.#leased.map((each) => estate.streams.release(each)));
    const stores = [...this.#spools, ...this.#leased].map(({ store }) => store);
    await Promise.all(stores.map((store) => estate.release(store)));
  }
}
