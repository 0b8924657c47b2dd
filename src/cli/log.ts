/** The log of the running program: for people or for programs, on stderr or where the ini says. */

import process from "node:process";
import { format, isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import { isJournal, LogFile, openLogger } from "../daemon/log_outputs.ts";
import { type Cancel, systemClock } from "../platform/clock.ts";
import { useLocalZone } from "../platform/local_time.ts";
import { openOutput, type OutputFile } from "../platform/output.ts";
import type { Posix } from "../platform/posix.ts";
import { reasonOf } from "../platform/reason.ts";
import { watchTouched } from "../platform/touched.ts";
import type { Emit, Event } from "../report/event.ts";
import { isAtLeast, levelOf, SEVERITY } from "../report/level.ts";
import type { LogConfig, LogFileConfig } from "../report/settings.ts";
import { jsonLogLine, logLine } from "../report/log.ts";
import { OutputLimit } from "../report/output_limit.ts";
import { type Masking, Secrets } from "../report/secrets.ts";
import { LineWriter } from "../report/writer.ts";
import { counted } from "../platform/count_text.ts";
import { aboveProgress } from "./progress.ts";

export interface Log {
  readonly emit: Emit;
  /**
   * From now on.
   *
   * @param isStarted the program is the user it is to be
   */
  use(config: Pick<Config, "log" | "zone">, isStarted: boolean): void;
  /** Opens the file of the log anew. */
  reopen(): void;
  /** These never appear in it from now on. */
  hide(secrets: Secrets): void;
  /** Takes them out of a text. */
  readonly masking: Masking;
  /** The log's file has stdout from now on, too. */
  takeStdout(): void;
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

/** Texts of tasks come in thousands, and `key=value` in them is rarely a secret. */
function isOfTasks({ type }: Event): boolean {
  return type.startsWith("task.") || type === "job.output" || type === "worker.output";
}

/** A place where lines go, and how they are written there. */
interface LogTarget {
  readonly output: OutputFile;
  readonly writer: LineWriter;
  /** Lines begin with their severity, which the reader takes off. */
  readonly hasSeverity: boolean;
  /** It has only the lines that are routed to this name; null has all others. */
  readonly id: string | null;
}

/** @param keepsStdout until {@link Log.takeStdout} */
export function openLog(posix: Posix | null, keepsStdout = false): Log {
  const clock = systemClock;
  const now = () => clock.now();
  const secrets = new Secrets();
  const mask = (text: string, event: Event) =>
    isOfTasks(event) ? secrets.maskKnown(text) : secrets.mask(text);
  const sinks = { text: logLine(now, mask), json: jsonLogLine(now, mask) };
  let line = sinks.text;
  let config: LogConfig | null = null;
  let file: LogFile | null = null;
  let cancelTouch: Cancel = () => {};

  const targetOn = (
    output: OutputFile,
    hasSeverity: boolean,
    id: string | null = null,
  ): LogTarget => ({
    output,
    hasSeverity,
    id,
    writer: new LineWriter({
      write: (bytes) => output.write(bytes),
      clock,
      lostLine: (lost) => line({ type: "log.lost", ...lost }),
    }),
  });
  const onStderr = () => {
    const output = openOutput(2);
    const write = aboveProgress((bytes) => output.write(bytes));
    return targetOn({ write, wait: (ms) => output.wait(ms) }, isJournal());
  };
  let targets: readonly LogTarget[] = [onStderr()];
  /** No logger has a name: each has every line. */
  let isSimple = true;

  /** As uWSGI's: what is routed goes nowhere else. */
  const targetsOf = (text: string) => {
    if (isSimple) return targets;
    const routes = config?.routes.filter(({ pattern }) => pattern.test(text)) ?? [];
    const routed = new Set(routes.map(({ logger }) => logger));
    return targets.filter(({ id }) => routed.size === 0 ? id === null : routed.has(id ?? ""));
  };
  const limit = new OutputLimit(clock, (event) => {
    const level = levelOf(event);
    const text = line(event);
    for (const { writer, hasSeverity } of targetsOf(text)) {
      writer.line(hasSeverity ? `<${SEVERITY[level]}>${text}` : text);
      if (!mayWait(event)) writer.flush();
    }
  });
  const emit = (event: Event) => {
    if (config?.quiet && isWell(event)) return;
    if (event.type === "task.returned" && !event.isNews) return;
    if (config === null || isAtLeast(levelOf(event), config.level)) limit.take(event);
  };
  /** What cannot be opened leaves the log where it is, which says so. */
  const attempt = (what: string, action: () => void) => {
    try {
      action();
    } catch (error) {
      emit({ type: "config.warning", message: `log: ${what}: ${reasonOf(error)}` });
    }
  };
  const openFile = (wanted: LogFileConfig) => {
    if (posix === null) throw new Error("this needs libc, which this machine does not have");
    file = new LogFile(wanted, posix, now, keepsStdout);
    return targetOn(file, false);
  };
  const openTargets = ({ file: wanted, loggers }: LogConfig, isStarted: boolean) => {
    const isFileOpen = wanted !== null && (isStarted || !wanted.isLate);
    const base = isFileOpen ? [openFile(wanted)] : [];
    const others = loggers.map((each) =>
      targetOn(openLogger(each, posix), each.kind === "syslog", each.id)
    );
    const opened = [...base, ...others];
    const rest = opened.some(({ id }) => id === null)
      ? []
      : file === null
      ? [onStderr()]
      : targets.filter(({ output }) => output === file);
    for (const { writer } of targets) writer.flush();
    for (const { output } of targets) {
      if (!rest.some((each) => each.output === output)) output.close?.();
    }
    targets = [...rest, ...opened];
    isSimple = targets.every(({ id }) => id === null);
  };
  const reopen = () => attempt("cannot reopen it", () => file?.reopen());
  const rotate = () => attempt("cannot rotate it", () => file?.rotate());

  const stdout = openOutput(1);
  const printer = new LineWriter({
    write: (bytes) => stdout.write(bytes),
    clock,
    lostLine: ({ lines }) => `(${counted(lines, "line")} lost)`,
  });
  const giveBack = takeWarnings((message) => emit({ type: "runtime.warning", message }));
  return {
    emit,
    print: (text) => printer.line(text),
    hide: (more) => secrets.add(more),
    masking: secrets,
    reopen,
    takeStdout: () => file?.takeStdout(),
    use: ({ log, zone }, isStarted) => {
      useLocalZone(zone);
      line = sinks[log.format];
      const isSame = isDeepStrictEqual([config?.file, config?.loggers], [log.file, log.loggers]);
      const waits = log.file?.isLate === true && file === null;
      config = log;
      if (!isSame || (waits && isStarted)) {
        const open = () => openTargets(log, isStarted);
        // A start that cannot log as the ini says is a start that fails.
        if (isStarted) attempt("cannot open it, the old log stays", open);
        else open();
      } else if (isStarted && log.file?.reopens) reopen();
      cancelTouch();
      const ends = [
        watchTouched(log.touchReopen, clock, reopen),
        watchTouched(log.touchRotate, clock, rotate),
      ];
      cancelTouch = () => ends.forEach((end) => end());
    },
    close: () => {
      cancelTouch();
      giveBack();
      limit.close();
      finish(printer, stdout);
      for (const { writer, output } of targets) finish(writer, output);
    },
  };
}

function finish(writer: LineWriter, output: OutputFile): void {
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
