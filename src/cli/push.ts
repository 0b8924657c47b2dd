/** `spooler push`: puts tasks into a spool directory, or sends them to a peer. */

import { systemClock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { parsePriority, RequestError } from "../task/request.ts";
import { SHELL_FUNCTION, shellVars } from "../task/shell_task.ts";
import { afterVars } from "../task/after.ts";
import { MODE_VAR, UNIQUE_VAR, UNTIL_VAR } from "../task/unique.ts";
import { findVar, PacketError, textVar, type Var } from "../wire/packet.ts";
import { ID_VAR } from "../wire/signature.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { iniArgs, loadIni } from "./ini.ts";
import { isIniInEnvironment } from "./ini_environment.ts";
import { readLines } from "./push_lines.ts";
import { parseDurationOption } from "./duration_option.ts";
import { isStream } from "./spools.ts";
import { checkStart, parseStart, startVar } from "./start_time.ts";

const VALUES = [
  ...["ini", "dir", "to", "at", "priority", "body-file", "ca", "secret-file"] as const,
  ...["lines", "timeout", "unique", "unique-until", "unique-mode", "after"] as const,
] as const;
const FLAGS = ["create", "json", "wait"] as const;

export type PushOptions = Readonly<Partial<Record<typeof VALUES[number], string>>>;
export type PushFlags = ReadonlySet<typeof FLAGS[number]>;

/** A task, as it was asked for. */
export interface PushedTask {
  /** The line of --lines that asked for it; null for the one of the command line. */
  readonly line: number | null;
  readonly vars: readonly Var[];
}

export async function push(args: readonly string[]): Promise<number> {
  const dashes = args.indexOf("--");
  const command = dashes < 0 ? null : args.slice(dashes + 1);
  const own = dashes < 0 ? args : args.slice(0, dashes);
  const { options, flags, words } = readArgs("push", own, VALUES, FLAGS);
  if (options.priority !== undefined) checkPriority(options.priority);
  if (options.at !== undefined) checkStart(options.at);
  checkOptions(options, flags);
  // Before any time of day is read, also in a line of --lines: it is local where the ini says.
  const isForStream = isStream(options.dir);
  const named = options.to === undefined && options.dir === undefined
    ? iniArgs(options.ini) ?? []
    : isForStream
    ? iniArgs(options.ini)
    : null;
  const loaded = named === null ? null : (await loadIni(named)).config;
  const config = isForStream ? null : loaded;
  const now = systemClock.now();
  const common = [
    ...(options.at === undefined ? [] : [startVar(parseStart(options.at, now))]),
    ...(options.priority === undefined ? [] : [textVar("priority", options.priority)]),
    ...uniqueVars(options),
    ...(options.after === undefined ? [] : afterVars([options.after])),
  ];
  const given = { words, command, isFromIni: config !== null, isForStream };
  try {
    const tasks = options.lines === undefined
      ? [{ line: null, vars: [...taskVars(given), ...common] }]
      : await linesOf(options.lines, given, common);
    if (options["body-file"] !== undefined && tasks.length > 1) {
      throw new UsageError("push takes --body-file with one task only");
    }
    if (isForStream) {
      const { pushIntoStream } = await import("./stream_push.ts");
      return await pushIntoStream(tasks, options, flags);
    }
    if (options.to === undefined) {
      const { pushInto } = await import("./push_into.ts");
      return await pushInto(tasks, config, options, flags);
    }
    const { pushTo } = await import("./push_to.ts");
    return await pushTo(
      {
        to: options.to,
        ca: options.ca,
        secretFile: options["secret-file"],
        bodyFile: options["body-file"],
        isJson: flags.has("json"),
      },
      tasks,
    );
  } catch (error) {
    if (error instanceof RequestError) throw new UsageError(error.message);
    if (error instanceof PacketError) throw new UsageError(`push: ${error.message}`);
    throw error;
  }
}

function checkOptions(options: PushOptions, flags: PushFlags): void {
  // For a stream the ini says how to log in.
  const ini = isStream(options.dir) ? undefined : options.ini;
  const targets = [ini, options.dir, options.to].filter((value) => value !== undefined);
  if (targets.length > 1 || targets.length === 0 && !isIniInEnvironment()) {
    throw new UsageError("push needs one of --ini, --dir and --to");
  }
  if (options.to === undefined) {
    if (options.ca !== undefined || options["secret-file"] !== undefined) {
      throw new UsageError("push takes --ca and --secret-file together with --to only");
    }
  } else if (flags.has("wait")) {
    throw new UsageError("push takes --wait with --ini or --dir only: a peer does not report ends");
  }
  if (flags.has("create") && (options.dir === undefined || isStream(options.dir))) {
    throw new UsageError("push takes --create together with --dir DIR only");
  }
  if (options.timeout === undefined) return;
  if (!flags.has("wait")) throw new UsageError("push takes --timeout together with --wait only");
  parseDurationOption("timeout", options.timeout);
}

interface GivenTask {
  readonly words: readonly string[];
  /** Behind `--`. */
  readonly command: readonly string[] | null;
  /** It goes into a spool of an ini, which says whether commands may run. */
  readonly isFromIni: boolean;
  readonly isForStream: boolean;
}

/** The keys of the one task on the command line. */
function taskVars({ words, command, isFromIni, isForStream }: GivenTask): Var[] {
  const keys = words.map(parseVar);
  if (command === null) {
    if (words.length > 0) return keys;
    throw new UsageError(
      "push needs KEY=VALUE, as in ud_spool_func=hello name=world, or -- COMMAND",
    );
  }
  if (command.length === 0) throw new UsageError("push needs a command behind --");
  if (isForStream) throw new UsageError("push -- COMMAND needs a spool: a stream takes keys only");
  if (!isFromIni) {
    throw new UsageError("push -- COMMAND needs --ini: the ini says whether commands may run");
  }
  if (findVar(keys, "ud_spool_func")) {
    throw new UsageError(`push -- COMMAND takes no ud_spool_func: it is ${SHELL_FUNCTION}`);
  }
  return [...keys, ...shellVars(command, Deno.cwd())];
}

async function linesOf(
  file: string,
  { words, command, isForStream }: GivenTask,
  common: readonly Var[],
): Promise<PushedTask[]> {
  if (words.length > 0 || command !== null) {
    throw new UsageError("push takes either --lines or one task on the command line");
  }
  return await readLines(file, common, isForStream ? [ID_VAR] : []);
}

/** What is wrong with them is said by who reads them: readUnique. */
function uniqueVars(options: PushOptions): Var[] {
  const { unique, "unique-until": until, "unique-mode": mode } = options;
  if (unique === undefined && (until !== undefined || mode !== undefined)) {
    throw new UsageError("push takes --unique-until and --unique-mode together with --unique only");
  }
  const values = [[UNIQUE_VAR, unique], [UNTIL_VAR, until], [MODE_VAR, mode]] as const;
  return values.flatMap(([name, value]) => value === undefined ? [] : [textVar(name, value)]);
}

function checkPriority(text: string): void {
  if (!/^\d+$/.test(text)) throw new UsageError(`push: --priority must be digits: "${text}"`);
  try {
    parsePriority(text);
  } catch (error) {
    throw new UsageError(`push: ${reasonOf(error)}`);
  }
}

function parseVar(word: string): Var {
  const equals = word.indexOf("=");
  if (equals < 1) throw new UsageError(`push needs KEY=VALUE: "${word}"`);
  return textVar(word.slice(0, equals), word.slice(equals + 1));
}
