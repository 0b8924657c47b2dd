/** How much an event matters, in syslog's words and numbers. @pure */

import type { Event } from "./event.ts";

export const LEVELS = ["error", "warning", "info", "debug"] as const;

export type Level = typeof LEVELS[number];

/** Severities of syslog(3), which systemd's journal reads in `<N>` before a line. */
export const SEVERITY: Readonly<Record<Level, number>> = {
  error: 3,
  warning: 4,
  info: 6,
  debug: 7,
};

/** Whether an event of this level is to be logged where `least` is asked for. */
export function isAtLeast(level: Level, least: Level): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(least);
}

export function levelOf(event: Event): Level {
  switch (event.type) {
    case "task.settled":
      if (event.fate.kind === "failed") return event.fate.killed ? "warning" : "error";
      return event.fate.kind === "done" ? "info" : "warning";
    case "job.ended":
      if (event.killed) return "warning";
      return event.ok ? "info" : "error";
    case "signal.failed":
    case "workers.unloadable":
    case "target.down":
    case "listener.troubled":
    case "program.error":
    case "program.errors":
    case "program.impossible":
      return "error";
    case "config.warning":
    case "runtime.warning":
    case "spool.warning":
    case "listener.reopened":
    case "monitor.denied":
    case "schedule.warning":
    case "program.waiting":
    case "log.lost":
    case "worker.ended":
    case "packet.refused":
    case "packets.refused":
    case "job.skipped":
    case "job.missed":
    case "job.retrying":
    case "job.flooded":
    case "task.flooded":
    case "worker.flooded":
    case "output.dropped":
      return "warning";
    case "task.returned":
    case "task.overflow":
    case "job.overflow":
    case "debug":
      return "debug";
    default:
      return "info";
  }
}
