/** The log: events in, lines for people out. One event is one line. @pure */

import { measuredText } from "../platform/duration_text.ts";
import type { Fate } from "../task/fate.ts";
import { timeText } from "../platform/local_time.ts";
import { shortLabel, taskLabel } from "../spool/layout.ts";
import type { Event } from "./event.ts";
import { levelOf } from "./level.ts";
import { jsonLine, safeLine, safeText } from "./safe_text.ts";
import { underWayText } from "./under_way.ts";
import { counted } from "../platform/count_text.ts";

/** A job that starts later than this is logged with its slot. */
const LATE_MS = 1000;
/** Of texts that peers choose, no more is logged. */
const REASON_MAX = 300;
const FUNC_MAX = 100;

/** What becomes of an event: a line without its newline. */
export type LogLine = (event: Event) => string;

/** Takes secrets out of a text of an event. */
export type Mask = (text: string, event: Event) => string;

const maskNothing: Mask = (text) => text;

/** The log for people. */
export function logLine(now: () => number, mask = maskNothing): LogLine {
  return (event) => `${timeText(now())} ${safeLine(mask(eventText(event), event))}`;
}

/**
 * The log for programs: one JSON object a line, the event as it is with its `time` (ISO 8601, UTC).
 * Fields that end in `At`, and `slot`, are milliseconds since the epoch.
 */
export function jsonLogLine(now: () => number, mask = maskNothing): LogLine {
  return (event) => {
    const about = { time: new Date(now()).toISOString(), level: levelOf(event) };
    return jsonLine({ ...about, ...event }, (text) => mask(text, event));
  };
}

export function eventText(event: Event): string {
  switch (event.type) {
    case "program.started":
      return `spooler ${event.version} started, pid ${event.pid}, ${event.file}`;
    case "clock.set": {
      const seconds = Math.round(Math.abs(event.byMs) / 1000);
      return `the wall clock was set ${event.byMs < 0 ? "back" : "ahead"} by ${seconds} s`;
    }
    case "program.ready":
      return "ready";
    case "program.stopping":
      return event.running === 0
        ? `stopping (${event.reason})`
        : `stopping (${event.reason}): waiting for ${event.running} running; ` +
          "send it again to kill what is running";
    case "program.stopped":
      return "stopped";
    case "program.drained": {
      const left = event.left === 0 ? "" : `, ${event.left} not run`;
      return `${event.done} done, ${event.failed} failed, ${event.deferred} deferred${left}`;
    }
    case "program.reloading":
      return event.running === 0
        ? `reloading (${event.reason})`
        : `reloading (${event.reason}): ${event.running} running under the old configuration`;
    case "program.waiting":
      return event.leftMs > 0
        ? `still waiting for ${underWayText(event)}; they have ${measuredText(event.leftMs)} left`
        : `time is up, killing ${underWayText(event)}`;
    case "program.status": {
      const spools = event.spools.map(({ spool, running }) => `; ${spoolNamed(spool)}: ${running}`);
      return `status: running: ${event.running === 0 ? "nothing" : underWayText(event)}${
        spools.join("")
      }`;
    }
    case "program.error":
      return `unexpected error: ${event.message} (${event.place}); everything else goes on`;
    case "program.errors":
      return `${counted(event.count, "more unexpected error")} not logged`;
    case "program.impossible":
      return `impossible state: ${event.message} (${event.place}); ends with exit code ` +
        `${event.exitCode}, because what it knows cannot be trusted`;
    case "operator.acted":
      return `${event.by}: ${event.text}`;
    case "config.warning":
      return `warning: ${event.message}`;
    case "runtime.warning":
      return `warning from the runtime: ${event.message}`;
    case "log.lost": {
      const why = event.reason === null ? "nobody read them" : event.reason;
      return `log: lost ${counted(event.lines, "line")} in ${measuredText(event.forMs)}: ${why}`;
    }
    case "spool.opened":
      return event.processes === 0
        ? `${spoolNamed(event.spool)}: ${event.dir}, external: another program runs its tasks`
        : `${spoolNamed(event.spool)}: ${event.dir}, ${event.processes} at a time`;
    case "spool.warning":
      return `${spoolNamed(event.spool)}: warning: ${event.message}`;
    case "debug":
      return `${spoolNamed(event.spool)}: debug: ${event.part}: ${event.text}`;
    case "spool.accepting":
      return `${spoolNamed(event.spool)}: accepts tasks again`;
    case "task.expired":
      return `${spoolNamed(event.spool)}: ${
        taskLabel(event.task)
      } removed from failed/, kept there since ${timeText(event.failedAt)}`;
    case "spool.expired":
      return `${spoolNamed(event.spool)}: ${
        counted(event.removed, "task")
      } removed from failed/ (spooler-failed-max-age)`;
    case "spool.paused":
      return `${spoolNamed(event.spool)}: paused: accepts tasks, starts none`;
    case "spool.resumed":
      return `${spoolNamed(event.spool)}: resumed`;
    case "handlers.loaded":
      return `tasks: ${handlerText(event.names, event.catchAll)}`;
    case "workers.ready": {
      const { spool, modules, functions, catchAll, language } = event;
      return `${spoolNamed(spool)}: ${modules} loaded (${language}): ${
        handlerText(functions, catchAll)
      }`;
    }
    case "workers.unloadable": {
      const again = `tried again in ${measuredText(event.retryMs)} and when a file changes`;
      return `${spoolNamed(event.spool)}: ${event.message}; ${again}`;
    }
    case "workers.reloading":
      return `${spoolNamed(event.spool)}: starting fresh workers (${event.reason})`;
    case "worker.ended":
      return `${spoolNamed(event.spool)}: worker ${event.pid}: ${event.reason}`;
    case "worker.output":
      return `${event.spool}${mark(event.stream)} ${event.line}`;
    case "worker.flooded":
      return `${spoolNamed(event.spool)}: ${notLogged(event.lines)}`;
    case "output.dropped":
      return `log: ${notLogged(event.lines)}: tasks and jobs print too much`;
    case "listener.opened":
      return `socket ${event.address}`;
    case "monitor.opened":
      return `${event.kind} socket ${event.address}`;
    case "monitor.denied": {
      const more = event.more === 0 ? "" : `, and ${event.more} more in the minute before`;
      return `http socket: ${event.from} was not let in: ${event.reason}${more}`;
    }
    case "listener.troubled":
      return `socket ${event.address}: cannot accept connections: ${event.reason}`;
    case "listener.recovered":
      return `socket ${event.address}: accepts connections again`;
    case "listener.reopened":
      return `socket ${event.address}: its file was removed; made it again`;
    case "schedule.loaded":
      return `schedule ${event.name}: ${event.text}: ${event.command}`;
    case "forward.opened": {
      const among = event.targets.length > 1 ? ` (${event.policy})` : "";
      return `${spoolNamed(event.spool)}: forwarded to ${event.targets.join(", ")}${among}`;
    }
    case "target.down": {
      const down = event.downMs === 0
        ? "is down"
        : `is still down after ${measuredText(event.downMs)}`;
      return `${spoolNamed(event.spool)}: ${event.target} ${down}: ${event.reason}; its tasks wait`;
    }
    case "target.up":
      return `${spoolNamed(event.spool)}: ${event.target} is back after ${
        measuredText(event.downMs)
      } (${counted(event.failures, "failed attempt")})`;
    case "task.accepted":
      return `${named(event.func, event.task)} accepted from ${event.from}`;
    case "tasks.repeated":
      return `${
        counted(event.count, "more delivery", "more deliveries")
      } of accepted tasks within ${measuredText(event.windowMs)}`;
    case "task.repeated": {
      const func = visible(event.func, FUNC_MAX) || "task";
      return `${func} from ${event.from} was already accepted (${event.id}); nothing to do`;
    }
    case "task.unneeded":
      return `${visible(event.func, FUNC_MAX) || "task"} from ${event.from} is not needed: ${
        taskLabel(event.by)
      } has its key`;
    case "packet.refused":
      return `refused a packet from ${event.from}: ${visible(event.reason, REASON_MAX)}`;
    case "packets.refused": {
      const counts = event.counts.map(([kind, count]) => `${count} ${kind}`).join(", ");
      return `refused more packets within ${measuredText(event.windowMs)}: ${counts}`;
    }
    case "task.started": {
      const again = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
      return `${named(event.func, event.task)} started from ${event.spool}${again}`;
    }
    case "task.output": {
      const func = visible(event.func, FUNC_MAX) || "task";
      return `${shortLabel(event.task)} ${func}${mark(event.stream)} ${event.line}`;
    }
    case "task.overflow":
      return `${named(event.func, event.task)}: ${notLogged(event.lines.length)}`;
    case "task.flooded":
      return `${named(event.func, event.task)}: ${notLogged(event.lines)}`;
    case "task.returned":
      return `${named(event.func, event.task)} is ready again: ${
        visible(event.reason, REASON_MAX)
      }`;
    case "task.settled":
      return `${named(event.func, event.task)} ${fateText(event.fate)} (${
        measuredText(event.tookMs)
      })`;
    case "schedule.warning":
      return `schedules: warning: ${event.message}`;
    case "signal.failed": {
      const func = event.func === null ? "" : ` (${visible(event.func, FUNC_MAX)})`;
      return `${spoolNamed(event.spool)}: signal ${event.signal}${func} failed: ${
        visible(event.reason, REASON_MAX)
      } (${measuredText(event.tookMs)})`;
    }
    case "job.started": {
      const again = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
      const late = event.lateMs >= LATE_MS ? ` for ${timeText(event.slot)}` : "";
      return `job ${event.job} started${late}${again}`;
    }
    case "job.output":
      return `${event.job}${mark(event.stream)} ${event.line}`;
    case "job.ended": {
      const end = event.ok ? "done" : event.killed ? event.exit : `failed: ${event.exit}`;
      return `job ${event.job} ${end} (${measuredText(event.tookMs)})`;
    }
    case "job.overflow":
      return `job ${event.job}: ${notLogged(event.lines.length)}`;
    case "job.flooded":
      return `job ${event.job}: ${notLogged(event.lines)}`;
    case "job.retrying":
      return `job ${event.job} runs again in ${
        measuredText(event.delayMs)
      }, attempt ${event.attempt}`;
    case "job.enqueued":
      return `job ${event.job} put ${taskLabel(event.task)} into the spool`;
    case "job.skipped":
      return `job ${event.job} skipped: ${event.reason}`;
    case "job.resumed":
      return `job ${event.job} runs again after ${counted(event.skipped, "skipped slot")}`;
    case "job.missed":
      return `job ${event.job} missed ${counted(event.missed, "slot")} until ${
        timeText(event.until)
      }`;
    default:
      return event satisfies never;
  }
}

function named(func: string, task: string): string {
  return `${visible(func, FUNC_MAX) || "task"} ${taskLabel(task)}`;
}

/** A text from a peer: on one line, and not without end. */
function visible(text: string, most: number): string {
  const plain = safeText(text.slice(0, most));
  return text.length > most ? `${plain}…` : plain;
}

function notLogged(lines: number): string {
  return `${counted(lines, "more line")} of output ${lines === 1 ? "was" : "were"} not logged`;
}

function mark(stream: "stdout" | "stderr"): string {
  return stream === "stdout" ? "|" : "!";
}

function handlerText(names: readonly string[], catchAll: boolean): string {
  if (catchAll && names.length === 0) return "one handler for all";
  const all = [...names, ...(catchAll ? ["and all others"] : [])];
  return all.length > 0 ? all.join(", ") : "no handler, so every task waits";
}

function fateText(fate: Fate): string {
  switch (fate.kind) {
    case "done":
      return "done";
    case "deferred":
      return `deferred until ${timeText(fate.dueAt)}: ${fate.reason}`;
    case "failed":
      return fate.killed
        ? `${fate.reason}, kept in failed/`
        : `given up, kept in failed/: ${fate.reason}`;
    case "removed":
      return `${fate.reason}, and removed`;
    case "ready":
      return `stays ready: ${fate.reason}`;
    case "postponed":
      return `postponed until ${timeText(fate.dueAt)}: ${fate.reason}`;
    default:
      return fate satisfies never;
  }
}

/** A spool in a directory called spool has that name, and one "spool" says it. */
function spoolNamed(name: string): string {
  return name === "spool" ? name : `spool ${name}`;
}
