/** The log of the running program: on stderr, for people or for programs. */

import process from "node:process";
import { format } from "node:util";
import type { Config } from "../config/config.ts";
import { systemClock } from "../platform/clock.ts";
import { useLocalZone } from "../platform/local_time.ts";
import { openOutput, type Output } from "../platform/output.ts";
import type { Emit, Event } from "../report/event.ts";
import { jsonLogLine, logLine } from "../report/log.ts";
import { LineWriter } from "../report/writer.ts";

export interface Log {
  readonly emit: Emit;
  /** From now on. */
  use(config: Pick<Config, "log" | "quiet" | "zone">): void;
  /** A line that the ini prints, to stdout. */
  print(text: string): void;
  /** Writes what still waits, as far as somebody reads it; called at the end. */
  close(): void;
}

/** At the end lines that wait are written for so long. */
const LAST_TRIES = 20;
const LAST_TRY_MS = 50;

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
  const stderr = openOutput(2);
  const writer = new LineWriter({
    write: (bytes) => stderr.write(bytes),
    clock: systemClock,
    lostLine: (lost) => line({ type: "log.lost", ...lost }),
  });
  const now = () => systemClock.now();
  const sinks = { text: logLine(now), json: jsonLogLine(now) };
  let line = sinks.text;
  let isQuiet = false;
  const emit = (event: Event) => {
    if (isQuiet && isWell(event)) return;
    writer.line(line(event));
    if (!mayWait(event)) writer.flush();
  };
  const stdout = openOutput(1);
  const printer = new LineWriter({
    write: (bytes) => stdout.write(bytes),
    clock: systemClock,
    lostLine: ({ lines }) => `(${lines} lines were lost)`,
  });
  const giveBack = takeWarnings((message) => emit({ type: "runtime.warning", message }));
  return {
    emit,
    print: (text) => printer.line(text),
    use: ({ log, quiet, zone }) => {
      useLocalZone(zone);
      line = sinks[log];
      isQuiet = quiet;
    },
    close: () => {
      giveBack();
      finish(printer, stdout);
      finish(writer, stderr);
    },
  };
}

function finish(writer: LineWriter, output: Output): void {
  for (let left = LAST_TRIES; left > 0 && !writer.flush(); left--) output.wait(LAST_TRY_MS);
}

/**
 * What the runtime would print by itself, a warning of something deprecated, say.
 *
 * @returns lets the console print again
 */
function takeWarnings(take: (message: string) => void): () => void {
  process.removeAllListeners("warning");
  process.on("warning", (warning) => take(`${warning.name}: ${warning.message}`));
  const { warn, error } = console;
  console.warn = console.error = (...data: unknown[]) => take(format(...data));
  return () => Object.assign(console, { warn, error });
}
