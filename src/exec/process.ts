/**
 * Runs a shell command to its end: its own session, so that everything it started can be ended with
 * it; output as lines; a time limit. Tasks and scheduled jobs share it.
 */

import { ownChild } from "../platform/children.ts";
import type { Clock } from "../platform/clock.ts";
import { killOrderOf } from "./kill_order.ts";
import { leftBehind } from "./left_behind.ts";
import { Tail } from "./lines.ts";
import { type OutputTaker, readOutput } from "./read_output.ts";
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
}

/** Between the friendly signal and SIGKILL. */
export const GRACE_MS = 5_000;
/** How long output is still read when the process is gone but a child of it holds the pipe. */
const PIPE_LINGER_MS = 200;
const STDERR_KEPT = 4096;

/** Ends when the process has ended, not when the last holder of its pipes has. */
export async function runShell(spec: ShellCommand): Promise<ProcessResult> {
  let child: Deno.ChildProcess;
  try {
    const { file, ...who } = startAs(spec.account, spec.binsh ?? "/bin/sh", ["-c", spec.command]);
    child = ownChild(new Deno.Command(file, {
      ...who,
      cwd: spec.cwd,
      ...environment(spec.env),
      stdin: spec.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn());
  } catch (error) {
    const what = reasonOf(error);
    // What is forbidden or missing may as well be the directory.
    const who = spec.account ? ` for uid ${spec.account.uid}` : "";
    const reason = `${what}, in ${spec.cwd}${who}`;
    return { exit: { kind: "not started", reason, isShortage: isShortage(error) }, stderr: "" };
  }

  spec.started?.(child.pid);
  const tail = new Tail(STDERR_KEPT);
  const linger = new AbortController();
  const reading = readOutput(child, spec, linger.signal, tail);
  const writing = spec.stdin ? feed(child.stdin, spec.stdin) : Promise.resolve();
  const ended = await untilEnd(child, spec);

  const closed = await isClosedSoon(reading, spec.clock);
  // What had to be ended leaves nothing behind that is worth listening to.
  if (!closed && (ended.kind === "harakiri" || ended.kind === "aborted")) linger.abort();
  else if (!closed) {
    leftBehind.add(reading, () => linger.abort());
    if (leftBehind.isNews(spec.command)) spec.output("stderr", LEFT_RUNNING);
  }
  await writing;
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
const SHORTAGES = /\(os error (?:11|12|23|24)\)/;

export function isShortage(error: unknown): boolean {
  return SHORTAGES.test(String(error));
}

/** Deno's options for an environment that may also lack what the program has. */
export function environment(
  changes: Readonly<Record<string, string | null>>,
): { env: Record<string, string>; clearEnv: boolean } {
  const clearEnv = Object.values(changes).includes(null);
  const env = clearEnv ? Deno.env.toObject() : {};
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete env[key];
    else env[key] = value;
  }
  return { env, clearEnv };
}

/** Waits for the process, and ends its whole group when it must not go on. */
async function untilEnd(child: Deno.ChildProcess, spec: ShellCommand): Promise<Exit> {
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
    const status = await child.status;
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

/** A process that does not read its stdin, or not all of it, does nothing wrong. */
async function feed(
  stream: WritableStream<Uint8Array>,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    for await (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
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
