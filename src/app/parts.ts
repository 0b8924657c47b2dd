/** Opens the parts of a running program and wires them together. */

import { basename } from "node:path";
import type { Config } from "../config/config.ts";
import type { ForwardConfig } from "../forward/settings.ts";
import { destinationsOf } from "../server/destination.ts";
import { commandExecutor } from "../exec/command.ts";
import { Forwarder } from "../forward/forwarder.ts";
import type { Clock, Random } from "../platform/clock.ts";
import type { Signals } from "../platform/signals.ts";
import { Dispatcher } from "../queue/dispatcher.ts";
import { Retention } from "../queue/retention.ts";
import type { Emit } from "../report/event.ts";
import { runShell } from "../exec/process.ts";
import { readAccounts } from "../schedule/accounts.ts";
import { actionText } from "../schedule/action.ts";
import { bootName } from "../schedule/boot.ts";
import type { SignalHandlers } from "../schedule/job_run.ts";
import { Scheduler } from "../schedule/scheduler.ts";
import { openPlatform, type Platform } from "../spool/platform.ts";
import { Store } from "../spool/store.ts";
import { Reception, type Spool, spoolFor } from "../server/reception.ts";
import { Sockets } from "../server/sockets.ts";
import type { Accept } from "../server/connection.ts";
import { textVar } from "../wire/packet.ts";
import { readRequest } from "../task/request.ts";
import { Workers } from "../worker/workers.ts";
import { reasonOf } from "../platform/reason.ts";

export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly signals: Signals;
  readonly emit: Emit;
}

/** What a running program consists of; each is here as soon as it is to be taken apart again. */
export interface Parts {
  readonly stores: Store[];
  readonly dispatchers: Dispatcher[];
  readonly retentions: Retention[];
  readonly forwarders: Forwarder[];
  readonly sockets: Sockets[];
  readonly schedulers: Scheduler[];
  readonly workers: Workers[];
}

/**
 * Opens all that a configuration names.
 *
 * @param parts is filled, also when a later part cannot be opened
 * @throws {Error} of whatever cannot be opened
 */
export async function openParts(
  parts: Parts,
  config: Config,
  machine: Machine,
  abort: AbortSignal,
): Promise<void> {
  const { clock, emit } = machine;
  const platform = openPlatform();
  const spools = await openSpools(config, machine, platform);
  parts.stores.push(...spools.map(({ store }) => store));
  const { code, tasks, forwards } = config;
  // What modules offer is told when they are loaded, where forwards deliver when they are opened.
  const isWorkedByNobody = code.modules.length === 0 &&
    (forwards.length === 0 || config.spools.length > 0);
  if (tasks.length > 0 || isWorkedByNobody) {
    const names = tasks.flatMap(({ name }) => name ?? []);
    emit({ type: "handlers.loaded", names, catchAll: tasks.some(({ name }) => name === null) });
  }
  if (platform.unavailable) {
    const message = `no file locks that other processes see (${platform.unavailable}): ` +
      "this program must be the only one that works through these directories";
    for (const { name } of spools) emit({ type: "spool.warning", spool: name, message });
  }

  const commands = config.tasks.map((task) => commandExecutor(task, config.env, clock));
  const named = commands.filter(({ name }) => name !== null);
  const rest = commands.filter(({ name }) => name === null);
  const workers = openWorkers(config, spools, machine, platform, abort);
  parts.workers.push(workers);
  for (const { name, config: spool, store } of spools) {
    if (spool.external) continue;
    const { libc } = platform;
    const { env } = config;
    const live = { ...spool };
    const forward = config.forwards.find((each) => each.spool === spool);
    const work = forward
      ? forwarding(await openForwarder(parts, { name, store }, forward, machine, abort))
      : await workers.add(name, live).then(({ handlers, first }) => ({
        executors: [...named, ...handlers, ...rest],
        workers: first,
      }));
    const about = { name, config: live, store, libc, env, abort };
    const dispatcher = new Dispatcher({ ...about, ...work, ...machine });
    dispatcher.watch();
    parts.dispatchers.push(dispatcher);
    const { failedMaxAgeMs: maxAgeMs } = spool;
    if (maxAgeMs !== null) {
      parts.retentions.push(new Retention({ name, store, maxAgeMs, clock, emit }));
    }
  }
  const reception = new Reception({ spools, config: config.reception, clock, emit });
  const accept: Accept = (task) => reception.accept(task);
  parts.sockets.push(await Sockets.open({ config, clock, emit, libc: platform.libc, accept }));
  const scheduler = await openScheduler(config, spools, machine, abort, workers.signals);
  parts.schedulers.push(scheduler);
  workers.start((owner, registrations) => {
    scheduler.register(owner, registrations).catch((error) => {
      const message = reasonOf(error);
      emit({ type: "spool.warning", spool: owner, message });
    });
  });
}

function openWorkers(
  config: Config,
  spools: readonly Spool[],
  { clock, emit }: Machine,
  { claims }: Platform,
  abort: AbortSignal,
): Workers {
  return new Workers({
    config,
    claims,
    clock,
    emit,
    abort,
    put: async (task, spooler, fallback) => {
      const { store } = spoolFor(spools, spooler ?? fallback);
      return store.pathOf(await store.put(task));
    },
  });
}

/** What makes a dispatcher deliver its tasks instead of running them. */
const forwarding = (forwarder: Forwarder) => ({ executors: [forwarder], gate: forwarder });

async function openForwarder(
  { forwarders }: Parts,
  { name, store }: Pick<Spool, "name" | "store">,
  config: ForwardConfig,
  machine: Machine,
  abort: AbortSignal,
): Promise<Forwarder> {
  const targets = config.targets.map(({ text }) => text);
  machine.emit({ type: "forward.opened", spool: name, targets, policy: config.policy });
  const identity = await store.identity();
  const forwarder = new Forwarder({ config, name, identity, abort, ...machine });
  forwarders.push(forwarder);
  return forwarder;
}

async function openSpools(config: Config, machine: Machine, platform: Platform): Promise<Spool[]> {
  const { clock, random, emit } = machine;
  const spools: Spool[] = [];
  for (const { spool, names } of destinationsOf(config)) {
    const { dir, fsync, processes, limits } = spool;
    const name = basename(dir);
    const { dedupWindowMs } = config.reception;
    const about = { dir, fsync, limits, dedupWindowMs, clock, random };
    const store = await Store.open({ ...about, ...platform });
    emit({ type: "spool.opened", spool: name, dir, processes: spool.external ? 0 : processes });
    const swept = store.sweep();
    if (swept > 0) {
      const message = `removed ${swept} half-written files of tasks that were never accepted`;
      emit({ type: "spool.warning", spool: name, message });
    }
    spools.push({ name, names, config: spool, store });
  }
  return spools;
}

/** @throws {ConfigError} when a job is for an account that cannot be */
async function openScheduler(
  config: Config,
  spools: readonly Spool[],
  machine: Machine,
  abort: AbortSignal,
  signals: SignalHandlers,
): Promise<Scheduler> {
  const { clock, emit } = machine;
  const accounts = await readAccounts(config.schedules);
  for (const { name, whenText, action } of config.schedules) {
    emit({ type: "schedule.loaded", name, text: whenText, command: actionText(action) });
  }
  return new Scheduler({
    jobs: config.schedules,
    zone: config.cronZone,
    statePath: config.cronState,
    host: Deno.hostname(),
    boot: await bootName(),
    clock,
    emit,
    abort,
    world: {
      ...machine,
      cwd: config.baseDir,
      env: config.env,
      shell: runShell,
      accounts,
      signals,
      put: async (vars) => {
        const { task, spooler } = readRequest(vars.map(([name, value]) => textVar(name, value)));
        const { name } = await spoolFor(spools, spooler).store.put(task);
        return name;
      },
    },
  });
}
