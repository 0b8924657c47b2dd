/**
 * Runs a shell command to its end: its own session, so that everything it started can be ended with
 * it; output as lines; a time limit. Tasks and scheduled jobs share it.
 */

import type { Clock } from "../platform/clock.ts";
import { type Child, startChild } from "./child.ts";
import { killOrderOf } from "./kill_order.ts";
import { leftBehind } from "./left_behind.ts";
import { Tail } from "./lines.ts";
import { OutputLines, type OutputTaker } from "./read_output.ts";
import { reasonOf } from "../platform/reason.ts";
import { isEndedByStop } from "./stop_signal.ts";

/** How a process ended. */
export type Exit =
  | { readonly kind: "code"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  /** It ran longer than it may and was ended. */
  | { readonly kind: "harakiri"; readonly afterMs: number }
  /** It was ended because the program ends, or by an operator. */
  | { readonly kind: "aborted" }
  | {
    readonly kind: "not started";
    readonly reason: string;
    /** The machine has none left of something: descriptors, processes, memory. */
    readonly isShortage: boolean;
  };

export interface ProcessResult {
  readonly exit: Exit;
  /** The last 4 KiB of stderr. */
  readonly stderr: string;
}

/** An account, with its groups beside `gid`. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface ShellCommand extends OutputTaker {
  /** For the shell, behind `-c`. */
  readonly command: string;
  /** `binsh`; /bin/sh when absent. */
  readonly binsh?: string;
  readonly cwd: string;
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Written to stdin, which is then closed; nothing when absent. */
  readonly stdin?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Who runs it; the program's own account when absent. */
  readonly account?: RunAs;
  readonly harakiriMs: number | null;
  readonly signal: AbortSignal;
  /** Aborted when the program stops: a child that gets the stop's signal as well was interrupted. */
  readonly stopping?: AbortSignal;
  /** Called with the process id of the shell. */
  started?(pid: number): void;
  /** Called with it when the command has not ended within some milliseconds. */
  lasts?(pid: number): void;
}

/** Between the friendly signal and SIGKILL. */
export const GRACE_MS = 5_000;
/** How long output is still read when the process is gone but a child of it holds the pipe. */
const PIPE_LINGER_MS = 200;
const STDERR_KEPT = 4096;

/** Ends when the process has ended, not when the last holder of its pipes has. */
export async function runShell(spec: ShellCommand): Promise<ProcessResult> {
  const tail = new Tail(STDERR_KEPT);
  let child: Child;
  try {
    child = startChild({
      ...startAs(spec.account, spec.binsh ?? "/bin/sh", ["-c", spec.command]),
      cwd: spec.cwd,
      env: spec.env,
      ...(spec.stdin ? { stdin: spec.stdin } : {}),
    }, new OutputLines(spec, tail, () => spec.lasts?.(child.pid)));
  } catch (error) {
    const what = reasonOf(error);
    // What is forbidden or missing may as well be the directory.
    const who = spec.account ? ` for uid ${spec.account.uid}` : "";
    const reason = `${what}, in ${spec.cwd}${who}`;
    return { exit: { kind: "not started", reason, isShortage: isShortage(error) }, stderr: "" };
  }

  spec.started?.(child.pid);
  const ended = await untilEnd(child, spec);

  const closed = child.isClosed || await isClosedSoon(child.closed, spec.clock);
  // What had to be ended leaves nothing behind that is worth listening to.
  if (!closed && (ended.kind === "harakiri" || ended.kind === "aborted")) child.stopReading();
  else if (!closed) {
    leftBehind.add(child.closed, () => child.stopReading());
    if (leftBehind.isNews(spec.command)) spec.output("stderr", LEFT_RUNNING);
  }
  if (child.fed !== null) await child.fed;
  return { exit: ended, stderr: tail.text() };
}

const LEFT_RUNNING =
  "spooler: the command has ended, and something it started goes on in the background; what that prints is still logged";

/** Whether all that had the pipes has closed them, now or in a moment. */
async function isClosedSoon(reading: Promise<unknown>, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const cancel = clock.after(PIPE_LINGER_MS, () => resolve(false));
  reading.then(() => resolve(true));
  const closed = await promise;
  cancel();
  return closed;
}

/**
 * What to start for a command of an account. As Deno's own uid and gid drop all other groups, an account
 * that has some is set by setpriv(1).
 */
export function startAs(
  account: RunAs | undefined,
  file: string,
  args: readonly string[],
): { file: string; args: string[]; uid?: number; gid?: number } {
  if (account === undefined) return { file, args: [...args] };
  const { uid, gid, groups } = account;
  if (groups.length === 0) return { file, args: [...args], uid, gid };
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(",")}`];
  return { file: "setpriv", args: [...ids, "--", file, ...args] };
}

/** EAGAIN, ENOMEM, ENFILE, EMFILE: what another moment may bring back. */
const SHORTAGES = /\((?:os error|errno) (?:11|12|23|24)\)/;

export function isShortage(error: unknown): boolean {
  return SHORTAGES.test(String(error));
}

/** Waits for the process, and ends its whole group when it must not go on. */
async function untilEnd(child: Child, spec: ShellCommand): Promise<Exit> {
  let broken: Exit | null = null;
  let cancelKill = () => {};
  const breakOff = (exit: Exit, signal: Deno.Signal = "SIGTERM") => {
    if (broken) return;
    broken = exit;
    signalGroup(child.pid, signal);
    cancelKill = spec.clock.after(GRACE_MS, () => signalGroup(child.pid, "SIGKILL"));
  };
  const { harakiriMs } = spec;
  const cancelHarakiri = harakiriMs === null
    ? () => {}
    : spec.clock.after(harakiriMs, () => breakOff({ kind: "harakiri", afterMs: harakiriMs }));
  const abort = () => breakOff({ kind: "aborted" }, killOrderOf(spec.signal)?.signal ?? undefined);
  spec.signal.addEventListener("abort", abort);
  if (spec.signal.aborted) abort();
  try {
    const status = await child.ended;
    // The shell is gone; what it left behind of a group that had to be ended goes too.
    if (broken) signalGroup(child.pid, "SIGKILL");
    if (broken) return broken;
    const exit: Exit = status.signal !== null
      ? { kind: "signal", signal: status.signal }
      : { kind: "code", code: status.code };
    return await isEndedByStop(exit, spec) ? { kind: "aborted" } : exit;
  } finally {
    cancelHarakiri();
    cancelKill();
    spec.signal.removeEventListener("abort", abort);
  }
}

/** Signals a whole process group. A group without processes is as good as ended. */
export function signalGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The exit code in a text of {@link exitText}; null when it has none. */
export function exitCodeIn(text: string): number | null {
  const [, code] = /^exit code (\d+)$/.exec(text) ?? [];
  return code === undefined ? null : Number(code);
}

/** For a log: `exit code 3`, `killed by SIGSEGV`, … */
export function exitText(exit: Exit): string {
  switch (exit.kind) {
    case "code":
      return `exit code ${exit.code}`;
    case "signal":
      return `killed by ${exit.signal}`;
    case "harakiri":
      return `harakiri after ${exit.afterMs / 1000} s`;
    case "aborted":
      return "ended with the program";
    case "not started":
      return `could not be started: ${exit.reason}`;
    default:
      return exit satisfies never;
  }
}
