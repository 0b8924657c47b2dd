/**
 * A child that libc starts. Its end and its pipes are waited for in the loop that all children share. Most
 * commands are over before that pays: they are asked about at the signal that one has ended, and what they
 * have printed is read then.
 */

import { apart } from "../platform/apart.ts";
import { noteChild } from "../platform/children.ts";
import { type Cancel, systemClock } from "../platform/clock.ts";
import { SystemError } from "../platform/libc_calls.ts";
import { ENOENT } from "../platform/linux.ts";
import { joinSharedPoll, type SharedPoll } from "../platform/shared_poll.ts";
import { signalName } from "../platform/signal_name.ts";
import { EPOLLIN } from "../platform/socket_calls.ts";
import type { SpawnCalls, Spawned } from "../platform/spawn_calls.ts";
import type { Child, ChildCommand, ChildEnd, ChildWatcher } from "./child.ts";
import { InputPipe, OutputPipe } from "./child_pipes.ts";

/** So long a child has to end before it is watched. A pipe takes 64 KiB meanwhile. */
const YOUNG_MS = 5;
/** What the system could not watch for want of descriptors is tried again so soon. */
const SHORTAGE_MS = 1000;
const ENOEXEC = 8;

/** @throws {Error} when it cannot be started */
export function startSpawned(
  calls: SpawnCalls,
  command: ChildCommand,
  watcher: ChildWatcher,
): Child {
  const { cwd, env, args, stdin } = command;
  const file = findFile(calls, command);
  const request = { file, args: [command.file, ...args], cwd, env, hasStdin: stdin !== undefined };
  const spawned = spawn(calls, request);
  let poll: SharedPoll | null = null;
  try {
    poll = joinSharedPoll();
    poll.whenChildEnds(checkYoung, stopWatchingYoung);
    return new SpawnedChild(calls, poll, spawned, watcher, stdin);
  } catch (error) {
    calls.abandon(spawned);
    poll?.leave();
    throw error;
  }
}

function spawn(calls: SpawnCalls, request: Parameters<SpawnCalls["spawn"]>[0]): Spawned {
  try {
    return calls.spawn(request);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    // A script whose first line names no interpreter is the shell's, as execvp(3) has it.
    if (error.errno === ENOEXEC) {
      const [, ...args] = request.args;
      return calls.spawn({ ...request, file: "/bin/sh", args: ["sh", request.file, ...args] });
    }
    throw isDirectory(request.cwd) ? error : new SystemError("enter", request.cwd, error.errno);
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** A name without a slash is searched for where the child would search. */
function findFile(calls: SpawnCalls, { file, env }: ChildCommand): string {
  if (file.includes("/")) return file;
  const path = env.PATH === undefined ? Deno.env.get("PATH") : env.PATH;
  for (const dir of (path ?? "").split(":")) {
    const candidate = `${dir === "" ? "." : dir}/${file}`;
    if (calls.mayRun(candidate) && !isDirectory(candidate)) return candidate;
  }
  throw new SystemError("start", file, ENOENT);
}

/** Children that nobody watches yet, with the time of their start. */
const young = new Map<SpawnedChild, number>();
/** It goes off though they have ended meanwhile: to set it for each and to end it costs more. */
let cancelYoung: Cancel | null = null;

function watchWhenOld(child: SpawnedChild): void {
  young.set(child, systemClock.monotonic());
  cancelYoung ??= systemClock.after(YOUNG_MS, watchOld);
}

function watchOld(): void {
  const before = systemClock.monotonic() - YOUNG_MS / 2;
  for (const [child, startedAt] of young) {
    if (startedAt > before) break;
    young.delete(child);
    apart(() => child.goesOn());
  }
  cancelYoung = young.size === 0 ? null : systemClock.after(YOUNG_MS, watchOld);
}

/** One of them may have ended; of several that did there may be one signal only. */
function checkYoung(): void {
  for (const child of young.keys()) apart(() => child.check());
}

/** Nobody waits for children any more. */
function stopWatchingYoung(): void {
  cancelYoung?.();
  cancelYoung = null;
}

class SpawnedChild implements Child {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  readonly fed: Promise<void> | null;
  readonly #calls: SpawnCalls;
  readonly #poll: SharedPoll;
  readonly #watcher: ChildWatcher;
  readonly #outputs: readonly OutputPipe[];
  #openOutputs = 2;
  /** Says that it has ended; -1 while nothing watches for that. */
  #pidfd = -1;
  #cancelAgain: Cancel = () => {};
  readonly #forget: () => void;
  readonly #resolve: (end: ChildEnd) => void;
  readonly #closed = Promise.withResolvers<void>();
  /** What it waits for in the loop: its end and its pipes. */
  #waits = 3;

  constructor(
    calls: SpawnCalls,
    poll: SharedPoll,
    { pid, stdin, stdout, stderr }: Spawned,
    watcher: ChildWatcher,
    chunks: ChildCommand["stdin"],
  ) {
    this.pid = pid;
    this.#calls = calls;
    this.#poll = poll;
    this.#watcher = watcher;
    const closed = () => this.#outputClosed();
    this.#outputs = [
      new OutputPipe(calls, poll, stdout, "stdout", watcher, closed),
      new OutputPipe(calls, poll, stderr, "stderr", watcher, closed),
    ];
    const { promise, resolve } = Promise.withResolvers<ChildEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#forget = noteChild(pid);
    watchWhenOld(this);
    this.fed = chunks === undefined ? null : this.#feed(new InputPipe(calls, poll, stdin), chunks);
  }

  /** Whether it has ended. To be called no more when it has. */
  check(): boolean {
    const end = this.#calls.reap(this.pid);
    if (end === null) return false;
    this.#forget();
    this.#cancelAgain();
    if (this.#pidfd >= 0) this.#poll.loop.close(this.#pidfd);
    young.delete(this);
    for (const each of this.#outputs) each.drain();
    const { code, signal } = end;
    const exit = { code, signal: signal === 0 ? null : signalName(signal) };
    const left = this.#waitIsOver();
    if (left === null) this.#resolve(exit);
    else left.then(() => this.#resolve(exit));
    return true;
  }

  #feed(pipe: InputPipe, chunks: NonNullable<ChildCommand["stdin"]>): Promise<void> | null {
    const fed = pipe.feed(chunks);
    if (fed === null) return null;
    this.#waits++;
    return fed.then(() => this.#waitIsOver() ?? undefined);
  }

  get isClosed(): boolean {
    return this.#openOutputs === 0;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  #outputClosed(): void {
    this.#openOutputs--;
    const left = this.#waitIsOver();
    if (this.isClosed) this.#closed.resolve(left ?? undefined);
  }

  /** @returns resolves when the loop has ended, where nobody needs it any more */
  #waitIsOver(): Promise<void> | null {
    return --this.#waits === 0 ? this.#poll.leave() : null;
  }

  /** It has not ended at once. */
  goesOn(): void {
    for (const each of this.#outputs) each.watch();
    this.#watcher.lasts?.();
    this.#watchEnd();
  }

  #watchEnd(): void {
    const fd = this.#calls.openEnd(this.pid);
    try {
      if (fd < 0) throw new SystemError("pidfd_open", "", -fd);
      this.#poll.loop.watch(fd, EPOLLIN, { ready: () => this.check() });
      this.#pidfd = fd;
    } catch {
      if (fd >= 0) this.#calls.close(fd);
      this.#cancelAgain = systemClock.after(SHORTAGE_MS, () => {
        if (!this.check()) this.#watchEnd();
      });
    }
  }

  stopReading(): void {
    for (const each of this.#outputs) each.close();
  }
}
