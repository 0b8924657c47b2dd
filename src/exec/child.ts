/**
 * A child process in a session of its own, as everything here starts one: by posix_spawn, or by Deno where libc
 * cannot be called, and where its user is another and has no group but one.
 */

import type { OutputStream } from "../report/event.ts";
import { type SpawnCalls, spawnCalls } from "../platform/spawn_calls.ts";
import { startByDeno } from "./deno_child.ts";
import { startSpawned } from "./spawned_child.ts";

/** What is to be started. */
export interface ChildCommand {
  /** A path, or a name that is searched for on the PATH of the child. */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Written to stdin, which is then closed; its stdin is empty when absent. */
  readonly stdin?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Who runs it; the program's own account, with its groups, when absent. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Who gets what a child prints. */
export interface ChildOutput {
  /**
   * @param bytes good until this returns
   * @returns milliseconds for which nothing more is to be read
   */
  take(stream: OutputStream, bytes: Uint8Array): number;
  /** Nothing more comes. */
  end(stream: OutputStream): void;
}

export interface ChildWatcher extends ChildOutput {
  /** It has run for some milliseconds: most commands never do. */
  lasts?(): void;
}

/** How a child has ended. */
export interface ChildEnd {
  readonly code: number;
  /** Null when no signal ended it. */
  readonly signal: string | null;
}

export interface Child {
  readonly pid: number;
  /** Resolves when it has ended, though others may still have its pipes. */
  readonly ended: Promise<ChildEnd>;
  /** Nothing more of its output is to come. */
  readonly isClosed: boolean;
  /** Resolves then. */
  readonly closed: Promise<void>;
  /** Closes its output, where it is still open. */
  stopReading(): void;
  /** Resolves when its stdin is closed; null when that is so already. */
  readonly fed: Promise<void> | null;
}

/**
 * @param calls those of libc; null has Deno start it
 * @throws {Error} when it cannot be started
 */
export function startChild(
  command: ChildCommand,
  watcher: ChildWatcher,
  calls: SpawnCalls | null = spawnCalls(),
): Child {
  if (calls === null || command.uid !== undefined) return startByDeno(command, watcher);
  return startSpawned(calls, command, watcher);
}
