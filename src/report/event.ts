/**
 * Everything that is worth reporting, as one union. The program emits facts; the log (and
 * later statistics and metrics) decide what becomes of them.
 *
 * @pure
 */

import type { DebugPart } from "./debug.ts";
import type { Fate } from "../task/fate.ts";
import type { RefusalKind } from "../wire/refusal.ts";

export type OutputStream = "stdout" | "stderr";

/** Output over the budget of the log: it is for the history alone, and no log has it. */
export interface Overflow {
  readonly stream: OutputStream;
  readonly lines: readonly string[];
  /** Lines before them that nobody has. */
  readonly skipped: number;
}

export type Event =
  | { type: "program.started"; version: string; pid: number; file: string }
  | { type: "program.ready" }
  /** The wall clock was set; less than 0 is back. */
  | { type: "clock.set"; byMs: number }
  | { type: "program.stopping"; reason: string; running: number }
  | { type: "program.stopped" }
  /** A run that ends by itself. `left` could not run: see the lines before. */
  | { type: "program.drained"; done: number; failed: number; deferred: number; left: number }
  | { type: "program.reloading"; reason: string; running: number }
  /** A stop waits; it ends what runs when `leftMs` have passed. */
  | { type: "program.waiting"; running: number; names: readonly string[]; leftMs: number }
  | {
    type: "program.status";
    running: number;
    names: readonly string[];
    spools: readonly { readonly spool: string; readonly running: number }[];
  }
  /** Somebody who may has asked for something, and got it: `text` says what. */
  | { type: "operator.acted"; by: string; text: string }
  | { type: "config.warning"; message: string }
  /** Nothing in the program foresees this error: one part has not done what it was doing. */
  | { type: "program.error"; message: string; place: string }
  /** Such errors that were too many to log each. */
  | { type: "program.errors"; count: number }
  /** What the program knows contradicts itself: it ends. */
  | { type: "program.impossible"; message: string; place: string; exitCode: number }
  /** A warning of the runtime, because only the log writes to stderr. */
  | { type: "runtime.warning"; message: string }
  /** Lines that could not be written: nobody read them, or (`reason`) the system refused them. */
  | { type: "log.lost"; lines: number; forMs: number; reason: string | null }
  /** `processes` is 0 for a spool whose tasks another program runs. */
  | { type: "spool.opened"; spool: string; dir: string; processes: number }
  | { type: "spool.warning"; spool: string; message: string }
  /** What a part of the program decided; see {@link DebugPart}. */
  | { type: "debug"; part: DebugPart; spool: string; text: string }
  /** It accepts tasks again, after a time in which it could not. */
  | { type: "spool.accepting"; spool: string }
  /** It was in failed/ for longer than spooler-failed-max-age, and is removed. */
  | { type: "task.expired"; spool: string; task: string; failedAt: number }
  /** How many tasks one round through failed/ removed. */
  | { type: "spool.expired"; spool: string; removed: number }
  | { type: "spool.paused"; spool: string }
  | { type: "spool.resumed"; spool: string }
  | { type: "handlers.loaded"; names: readonly string[]; catchAll: boolean }
  /** Worker processes have loaded their modules, for the first time or anew. */
  | {
    type: "workers.ready";
    spool: string;
    modules: string;
    language: string;
    functions: readonly string[];
    catchAll: boolean;
  }
  | {
    type: "workers.unloadable";
    spool: string;
    message: string;
    retryMs: number;
  }
  | { type: "workers.reloading"; spool: string; reason: string }
  /** A worker ended that nobody asked to. */
  | { type: "worker.ended"; spool: string; pid: number; reason: string }
  /** What task code prints outside of a task. */
  | { type: "worker.output"; spool: string; stream: OutputStream; line: string }
  | { type: "worker.flooded"; spool: string; lines: number }
  /** Lines that tasks and jobs printed, too many of all of them together. */
  | { type: "output.dropped"; lines: number }
  | { type: "listener.opened"; address: string }
  /** A socket for statistics, or for metrics and health. */
  | { type: "monitor.opened"; kind: string; address: string }
  /** Somebody who may not read it asked; `more` others did in the minute before. */
  | { type: "monitor.denied"; from: string; reason: string; more: number }
  /** The system cannot take a connection now: too many open files, for example. */
  | { type: "listener.troubled"; address: string; reason: string }
  | { type: "listener.recovered"; address: string }
  /** The file of a unix socket was removed by somebody. */
  | { type: "listener.reopened"; address: string }
  | { type: "schedule.loaded"; name: string; text: string; command: string }
  /** The targets of a spool whose tasks are forwarded, in order. */
  | { type: "forward.opened"; spool: string; targets: readonly string[]; policy: string }
  /** The first failure of a streak. */
  | { type: "target.down"; spool: string; target: string; reason: string; downMs: number }
  /** The end of a streak, with how often it failed. */
  | { type: "target.up"; spool: string; target: string; failures: number; downMs: number }
  | { type: "task.accepted"; task: string; func: string; from: string }
  /** A delivery of a task that was accepted before: nothing is put, and the peer gets a yes. */
  | { type: "task.repeated"; id: string; func: string; from: string }
  /** It was not put: another task with its key (`by`) stands for it. */
  | { type: "task.unneeded"; by: string; func: string; from: string }
  /** Both kinds, as far as they were too many to say each. */
  | { type: "tasks.repeated"; count: number; windowMs: number }
  | { type: "packet.refused"; from: string; kind: RefusalKind; reason: string }
  /** Refusals that were too many to log each, by kind. */
  | {
    type: "packets.refused";
    counts: readonly (readonly [kind: RefusalKind, count: number])[];
    windowMs: number;
  }
  | { type: "task.started"; spool: string; task: string; func: string; attempt: number }
  | {
    type: "task.output";
    task: string;
    func: string;
    stream: OutputStream;
    line: string;
    /** Printed by a command for a task that was given up, not by the task. */
    isHook?: true;
  }
  /** What is over the log's budget; see {@link Overflow}. */
  | { type: "task.overflow"; task: string; func: string } & Overflow
  /** Lines of a flood that did not go to the log. */
  | { type: "task.flooded"; task: string; func: string; lines: number; isHook?: true }
  /** Nobody took it, for a reason that is in the log already. */
  | {
    type: "task.returned";
    spool: string;
    task: string;
    func: string;
    reason: string;
    /** Whether the reason is another one than the last time; the log says no more than that. */
    isNews: boolean;
  }
  | {
    type: "task.settled";
    spool: string;
    task: string;
    func: string;
    /** 1 for the first run. */
    attempt: number;
    fate: Fate;
    tookMs: number;
    /** From the time when it was ready, or due, to its start; null when that is not known. */
    waitMs: number | null;
  }
  | { type: "schedule.warning"; message: string }
  /** The handler of a signal that task code raised. */
  | {
    type: "signal.failed";
    spool: string;
    signal: number;
    /** The handler's name; null without one. */
    func: string | null;
    reason: string;
    tookMs: number;
  }
  | { type: "job.started"; job: string; slot: number; lateMs: number; attempt: number }
  | { type: "job.output"; job: string; slot: number; stream: OutputStream; line: string }
  | { type: "job.overflow"; job: string; slot: number } & Overflow
  /** Lines of a flood that did not go to the log. */
  | { type: "job.flooded"; job: string; slot: number; lines: number }
  | {
    type: "job.ended";
    job: string;
    slot: number;
    attempt: number;
    exit: string;
    ok: boolean;
    /** An operator has ended it: that is no failure of its own. */
    killed?: true;
    tookMs: number;
  }
  | { type: "job.retrying"; job: string; attempt: number; delayMs: number }
  | { type: "job.enqueued"; job: string; slot: number; task: string }
  /** The first skip of a streak. */
  | { type: "job.skipped"; job: string; reason: string }
  /** The end of a streak, with how many slots it had. */
  | { type: "job.resumed"; job: string; skipped: number }
  /** Slots went by while the program or the machine did not run. */
  | { type: "job.missed"; job: string; missed: number; until: number };

export type Emit = (event: Event) => void;
