/**
 * `spooler-debug`: what the parts of the program decide, and why, as lines of the log. Where a part is
 * not wanted there is no function to call, so that not even the text is made. @pure
 */

import type { Emit } from "./event.ts";

/**
 * - tasks: every change of the table of tasks, with the event that caused it
 * - scan: what a scan of the directory began with, found, and left out
 * - watcher: what the kernel reports of the directory
 * - pool: when workers are started, handed tasks, helped and ended
 * - forwarder: which target a task goes to, and what came of it
 * - stream: which message of a stream a task is, and when the stream knows what has become of it
 */
export const DEBUG_PARTS = ["tasks", "scan", "watcher", "pool", "forwarder", "stream"] as const;

export type DebugPart = typeof DEBUG_PARTS[number];

/** Writes a line, or is not there: `debug?.(…)`. */
export type Debug = ((text: string) => void) | undefined;

/** The functions of the parts of one spool. */
export type DebugOf = (part: DebugPart) => Debug;

export const NO_DEBUG: DebugOf = () => undefined;

/** @param spool names the spool in the log */
export function debugOf(wanted: readonly DebugPart[], spool: string, emit: Emit): DebugOf {
  return (part) =>
    wanted.includes(part) ? (text) => emit({ type: "debug", part, spool, text }) : undefined;
}
