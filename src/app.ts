/**
 * The composition root: opens what the configuration names, wires it together, and takes it apart
 * again in the right order.
 */

import { basename } from "node:path";
import type { Config } from "./config/config.ts";
import { commandExecutor } from "./exec/command.ts";
import type { Clock, Random } from "./platform/clock.ts";
import { type Libc, loadLibc } from "./platform/libc.ts";
import type { Signals } from "./platform/signals.ts";
import { Dispatcher } from "./queue/dispatcher.ts";
import type { Emit } from "./report/event.ts";
import { runShell } from "./exec/process.ts";
import { readAccounts } from "./schedule/accounts.ts";
import { actionText } from "./schedule/action.ts";
import { bootName } from "./schedule/boot.ts";
import type { SignalHandlers } from "./schedule/job_run.ts";
import { Scheduler } from "./schedule/scheduler.ts";
import { type Claims, PosixClaims, PrivateClaims } from "./spool/claim.ts";
import { Store } from "./spool/store.ts";
import { Reception, type Spool, spoolFor } from "./reception.ts";
import { Sockets } from "./sockets.ts";
import { textVar } from "./uwsgi/packet.ts";
import { readRequest } from "./uwsgi/request.ts";
import { VERSION } from "./version.ts";

export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly signals: Signals;
  readonly emit: Emit;
}

/** Runs until a signal says stop; everything that was running has then ended. */
export async function runApp(config: Config, machine: Machine): Promise<void> {
  const { clock, emit, signals } = machine;
  emit({ type: "program.started", version: VERSION, pid: Deno.pid, file: config.file });
  const abort = new AbortController();
  const stop = untilStopped(signals, abort);
  const platform = openPlatform();
  const spools = await openSpools(config, machine, platform);
  emit({
    type: "handlers.loaded",
    names: config.tasks.flatMap((task) => task.name === null ? [] : [task.name]),
    catchAll: config.tasks.some((task) => task.name === null),
  });
  if (platform.unavailable) {
    const message = `no file locks that other processes see (${platform.unavailable}): ` +
      "this program must be the only one that works through these directories";
    for (const { name } of spools) emit({ type: "spool.warning", spool: name, message });
  }

  const executors = config.tasks.map((task) => commandExecutor(task, config.env, clock));
  const dispatchers = spools.filter(({ config }) => !config.external).map((
    { name, config: spool, store },
  ) =>
    new Dispatcher({
      name,
      config: spool,
      store,
      executors,
      libc: platform.libc,
      env: config.env,
      abort: abort.signal,
      ...machine,
    })
  );
  for (const dispatcher of dispatchers) dispatcher.watch();
  const reception = new Reception({ spools, config: config.reception, clock, emit });
  const sockets = await Sockets.open({
    config,
    clock,
    emit,
    libc: platform.libc,
    accept: (task) => reception.accept(task),
  });
  const scheduler = await openScheduler(config, spools, machine, abort.signal);

  emit({ type: "program.ready" });
  scheduler.start().catch(stop.fail);
  // A directory of a million tasks takes a while to look through: a stop need not wait for it.
  for (const dispatcher of dispatchers) dispatcher.start().catch(stop.fail);

  try {
    const reason = await stop.reason;
    const running = dispatchers.reduce((sum, each) => sum + each.running, scheduler.running);
    emit({ type: "program.stopping", reason, running });
  } finally {
    // First nothing new comes in, then what runs comes to its end.
    await sockets.close();
    await Promise.all([scheduler.stop(), ...dispatchers.map((dispatcher) => dispatcher.stop())]);
    stop.ignore();
  }
  emit({ type: "program.stopped" });
}

/**
 * The first SIGINT or SIGTERM asks for a stop, one that comes later breaks off what still runs.
 *
 * Started through a wrapper, a Ctrl-C arrives twice, from the terminal and from the wrapper: what
 * comes within half a second of the first is the same wish.
 */
function untilStopped(signals: Signals, abort: AbortController) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const SAME_WISH_MS = 500;
  let firstAt: number | null = null;
  const ignore = signals.on(["SIGINT", "SIGTERM"], (signal) => {
    const now = performance.now();
    firstAt ??= now;
    if (now - firstAt > SAME_WISH_MS) abort.abort();
    else resolve(signal);
  });
  return { reason: promise, fail: reject, ignore };
}

interface Platform {
  readonly libc: Libc | null;
  readonly claims: Claims;
  /** Why there is no libc; absent when there is. */
  readonly unavailable?: string;
}

export function openPlatform(): Platform {
  const libc = loadLibc();
  return "unavailable" in libc
    ? { libc: null, claims: new PrivateClaims(), ...libc }
    : { libc, claims: new PosixClaims(libc) };
}

async function openSpools(config: Config, machine: Machine, platform: Platform): Promise<Spool[]> {
  const { clock, random, emit } = machine;
  const spools: Spool[] = [];
  for (const spool of config.spools) {
    const { dir, fsync, processes, limits } = spool;
    const name = basename(dir);
    const store = await Store.open({ dir, fsync, limits, clock, random, ...platform });
    emit({ type: "spool.opened", spool: name, dir, processes: spool.external ? 0 : processes });
    const swept = store.sweep();
    if (swept > 0) {
      const message = `removed ${swept} half-written files of tasks that were never accepted`;
      emit({ type: "spool.warning", spool: name, message });
    }
    spools.push({ name, config: spool, store });
  }
  return spools;
}

/** Until there is task code, signals are heard by nobody. */
const NO_SIGNAL_HANDLERS: SignalHandlers = { has: () => false, raise: () => Promise.resolve() };

/** @throws {ConfigError} when a job is for an account that cannot be */
async function openScheduler(
  config: Config,
  spools: readonly Spool[],
  machine: Machine,
  abort: AbortSignal,
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
      signals: NO_SIGNAL_HANDLERS,
      put: async (vars) => {
        const { task, spooler } = readRequest(vars.map(([name, value]) => textVar(name, value)));
        const { name } = await spoolFor(spools, spooler).store.put(task);
        return name;
      },
    },
  });
}
