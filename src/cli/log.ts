/** The log of the running program: on stderr, for people or for programs. */

import type { Config } from "../config/config.ts";
import { systemClock } from "../platform/clock.ts";
import { useLocalZone } from "../platform/local_time.ts";
import type { Emit, Event } from "../report/event.ts";
import { jsonSink, logSink } from "../report/log.ts";
import { LineWriter } from "../report/writer.ts";

export interface Log {
  readonly emit: Emit;
  /** From now on. */
  use(config: Pick<Config, "log" | "quiet" | "zone">): void;
  /** Writes what still waits. */
  flush(): void;
}

/**
 * Only what comes in thousands waits for a batch. Above all that a task begins is written before it
 * does: when it takes the whole machine down, its name is the last line.
 */
function mayWait(event: Event): boolean {
  return event.type === "task.output" || event.type === "debug" ||
    (event.type === "task.settled" && event.fate.kind === "done");
}

/** What `spooler-quiet` leaves out. A task that did not go well has its line when it is settled. */
function isWell(event: Event): boolean {
  return event.type === "task.accepted" ||
    (event.type === "task.started" && event.attempt === 1) ||
    (event.type === "task.settled" && event.fate.kind === "done");
}

export function openLog(): Log {
  const writer = new LineWriter({
    write: (bytes) => Deno.stderr.writeSync(bytes),
    soon: (action) => systemClock.after(0, action),
  });
  const now = () => systemClock.now();
  const write = (line: string) => writer.line(line);
  const sinks = { text: logSink(write, now), json: jsonSink(write, now) };
  let sink = sinks.text;
  let isQuiet = false;
  return {
    emit: (event) => {
      if (isQuiet && isWell(event)) return;
      sink(event);
      if (!mayWait(event)) writer.flush();
    },
    use: ({ log, quiet, zone }) => {
      useLocalZone(zone);
      sink = sinks[log];
      isQuiet = quiet;
    },
    flush: () => writer.flush(),
  };
}
