/**
 * One run of a job, from its slot to its end: a command with its retries and what follows a
 * failure, a task that is put into a spool, or a signal for task code.
 */

import type { Action, ScheduleConfig } from "./settings.ts";
import { killOrderOf } from "../exec/kill_order.ts";
import { type Exit, exitText, type runShell, type ShellCommand } from "../exec/process.ts";
import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock, Random } from "../platform/clock.ts";
import { InterruptedError } from "../exec/stop_signal.ts";
import { backoffMs } from "../task/backoff.ts";
import type { Emit } from "../report/event.ts";
import { type Account, accountHome, accountName } from "./account.ts";
import { REPLACED } from "./runs.ts";
import { ONCE_VAR } from "../wire/signature.ts";
import { slotId } from "./slot_id.ts";
import type { SignalHandlers } from "./signal_handlers.ts";
import { reasonOf } from "../platform/reason.ts";

/** Called while a run goes on. */
export interface RunProgress {
  /** It no longer waits for a worker that is free. */
  begun(): void;
  /** With the process id of each attempt of a command. */
  started?(pid: number): void;
}

export interface JobWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** A history keeps what jobs print. */
  readonly keepsOutput?: boolean;
  /** Where commands run. */
  readonly cwd: string;
  /** For commands, beside the program's own environment; null is taken out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** The shell of commands. */
  readonly binsh: string;
  readonly shell: typeof runShell;
  /** Of the jobs with `user=`. */
  readonly accounts: ReadonlyMap<ScheduleConfig, Account>;
  readonly signals: SignalHandlers;
  /** Aborted when the program stops: what runs may end, what waits for a retry does not. */
  readonly stopping: AbortSignal;
  /**
   * Puts a task into a spool; resolves with its name when it is safe there.
   *
   * @param accepted is called with its name before anybody starts it
   */
  put(
    vars: readonly (readonly [string, string])[],
    accepted: (task: string) => void,
  ): Promise<string>;
}

/** How a run ended. */
export interface Ended {
  readonly ok: boolean;
  /** For people: an exit code, or what was made of it. */
  readonly result: string;
}

/** The waits of `retries=`. */
export const RETRY = { delayMs: 10_000, maxDelayMs: 3_600_000 };
/** For `on-failure=` of a job without harakiri: it must not hold up a stop for ever. */
const ON_FAILURE_LIMIT_MS = 300_000;

export async function runJob(
  job: ScheduleConfig,
  slot: number,
  world: JobWorld,
  signal: AbortSignal,
  progress: RunProgress = { begun: () => {} },
): Promise<Ended> {
  const { action } = job;
  switch (action.kind) {
    case "command":
      progress.begun();
      return await runCommand(job, action.command, slot, world, signal, progress.started);
    case "task":
      progress.begun();
      return await enqueue(job, action.vars, slot, world);
    case "signal":
      return await raise(job, action, slot, world, signal, progress);
    default:
      return action satisfies never;
  }
}

async function runCommand(
  job: ScheduleConfig,
  command: string,
  slot: number,
  world: JobWorld,
  signal: AbortSignal,
  started: (pid: number) => void = () => {},
): Promise<Ended> {
  const { clock, random, emit } = world;
  for (let attempt = 1;; attempt++) {
    emit({ type: "job.started", job: job.name, slot, lateMs: clock.now() - slot, attempt });
    const startedAt = clock.monotonic();
    const { exit, stderr } = await runLogged(job, slot, world, {
      command,
      env: environmentOf(job, slot, { SPOOLER_ATTEMPT: String(attempt) }),
      harakiriMs: job.harakiriMs,
      signal,
      started,
    });
    const ok = exit.kind === "code" && exit.code === 0;
    const result = resultText(exit, signal);
    const tookMs = clock.monotonic() - startedAt;
    const killed = exit.kind === "aborted" && killOrderOf(signal) ? { killed: true } as const : {};
    emit({ type: "job.ended", job: job.name, slot, attempt, exit: result, ok, ...killed, tookMs });
    if (ok || exit.kind === "aborted") return { ok, result };
    if (attempt > job.retries) {
      await tellOfFailure(job, slot, { result, stderr, attempt }, world, signal);
      return { ok, result };
    }
    const delayMs = backoffMs(attempt, { ...RETRY, maxRetries: job.retries }, random);
    emit({ type: "job.retrying", job: job.name, attempt: attempt + 1, delayMs });
    await pauseOrAbort(clock, delayMs, signal, world.stopping);
    if (signal.aborted || world.stopping.aborted) return { ok, result };
  }
}

type JobCommand = Pick<
  ShellCommand,
  "command" | "env" | "harakiriMs" | "signal" | "stdin" | "started"
>;

/** Runs a command with its output in the log, under the job's name and account. */
async function runLogged(
  job: ScheduleConfig,
  slot: number,
  world: JobWorld,
  command: JobCommand,
) {
  const { clock, emit, keepsOutput, cwd, env, binsh, shell, accounts } = world;
  const account = accounts.get(job);
  return await shell({
    ...command,
    // As under cron: HOME and SHELL may be set otherwise, who it is may not.
    env: { ...accountHome(account), ...env, ...accountName(account), ...command.env },
    ...(account ? { account } : {}),
    binsh,
    cwd: job.cwd === "~" ? account?.directory ?? cwd : job.cwd ?? cwd,
    clock,
    output: (stream, line) => emit({ type: "job.output", job: job.name, slot, stream, line }),
    dropped: (lines) => emit({ type: "job.flooded", job: job.name, slot, lines }),
    ...(keepsOutput
      ? { overflow: (over) => emit({ type: "job.overflow", job: job.name, slot, ...over }) }
      : {}),
    stopping: world.stopping,
  });
}

/** `on-failure=`: once, when nothing more is tried; its own failure is only logged. */
async function tellOfFailure(
  job: ScheduleConfig,
  slot: number,
  failure: { readonly result: string; readonly stderr: string; readonly attempt: number },
  world: JobWorld,
  signal: AbortSignal,
): Promise<void> {
  if (job.onFailure === null) return;
  const { exit } = await runLogged(job, slot, world, {
    command: job.onFailure,
    env: environmentOf(job, slot, {
      SPOOLER_ATTEMPT: String(failure.attempt),
      SPOOLER_RESULT: failure.result,
    }),
    stdin: [new TextEncoder().encode(failure.stderr)],
    harakiriMs: job.harakiriMs ?? ON_FAILURE_LIMIT_MS,
    signal,
  });
  if (exit.kind === "code" && exit.code === 0) return;
  const message = `on-failure of ${job.name} failed itself: ${exitText(exit)}`;
  world.emit({ type: "schedule.warning", message });
}

function environmentOf(
  job: ScheduleConfig,
  slot: number,
  more: Record<string, string>,
): Record<string, string> {
  return { SPOOLER_JOB: job.name, SPOOLER_SLOT: new Date(slot).toISOString(), ...more };
}

function resultText(exit: Exit, signal: AbortSignal): string {
  if (exit.kind !== "aborted") return exitText(exit);
  const order = killOrderOf(signal);
  if (order !== null) return order.reason;
  return signal.reason === REPLACED ? REPLACED : exitText(exit);
}

async function enqueue(
  job: ScheduleConfig,
  vars: readonly (readonly [string, string])[],
  slot: number,
  world: JobWorld,
): Promise<Ended> {
  const { emit, clock } = world;
  const startedAt = clock.monotonic();
  try {
    const task = await world.put([
      ...vars,
      ["spooler_job", job.name],
      ["spooler_slot", new Date(slot).toISOString()],
      ...(job.once === "message" ? [[ONCE_VAR, slotId(job.name, slot)] as const] : []),
    ], (task) => emit({ type: "job.enqueued", job: job.name, slot, task }));
    return { ok: true, result: `task ${task}` };
  } catch (error) {
    const tookMs = clock.monotonic() - startedAt;
    return failedTo("put its task into the spool", error, { job, slot, tookMs }, emit);
  }
}

async function raise(
  job: ScheduleConfig,
  { signal: number, owner, times }: Extract<Action, { kind: "signal" }>,
  slot: number,
  world: JobWorld,
  signal: AbortSignal,
  progress: RunProgress,
): Promise<Ended> {
  const { emit, clock, signals, stopping } = world;
  const ofRun = { job: job.name, slot, attempt: 1 };
  let ended: Ended = { ok: true, result: "handled" };
  for (let call = 0; call < times && !(call > 0 && stopping.aborted); call++) {
    let startedAt: number | null = null;
    const begun = () => {
      startedAt = clock.monotonic();
      progress.begun();
      emit({ type: "job.started", ...ofRun, lateMs: clock.now() - slot });
    };
    // What no worker has begun has taken no time.
    const took = () => startedAt === null ? 0 : clock.monotonic() - startedAt;
    try {
      await signals.raise(number, owner, { limitMs: job.harakiriMs, begun, abort: signal });
      emit({ type: "job.ended", ...ofRun, exit: "handled", ok: true, tookMs: took() });
    } catch (error) {
      const tookMs = took();
      const killed = killOrderOf(signal)?.reason;
      if (killed !== undefined || error instanceof InterruptedError) {
        const result = killed ?? reasonOf(error);
        ended = { ok: false, result };
        const mark = killed === undefined ? {} : { killed: true } as const;
        emit({ type: "job.ended", ...ofRun, exit: result, ok: false, ...mark, tookMs });
        if (killed !== undefined) return ended;
        continue;
      }
      ended = failedTo("handle its signal", error, { job, slot, tookMs }, emit);
      const failure = { result: ended.result, stderr: reasonOf(error), attempt: 1 };
      await tellOfFailure(job, slot, failure, world, signal);
    }
  }
  return ended;
}

function failedTo(
  what: string,
  error: unknown,
  { job, slot, tookMs }: {
    readonly job: ScheduleConfig;
    readonly slot: number;
    readonly tookMs: number;
  },
  emit: Emit,
): Ended {
  const result = `could not ${what}: ${reasonOf(error)}`;
  emit({ type: "job.ended", job: job.name, slot, attempt: 1, exit: result, ok: false, tookMs });
  return { ok: false, result };
}
