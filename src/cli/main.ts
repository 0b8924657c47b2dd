/** Reads the command line, runs the command it names, and turns every error into one line. */

import { unknownZone, useLocalZone, useUnknownZone } from "../platform/local_time.ts";
import { machineZone } from "../platform/machine_zone.ts";
import { ConfigError } from "../platform/problem.ts";
import { UsageError } from "./error.ts";
import { isIniInEnvironment } from "./ini_environment.ts";
import { complain, note } from "./output.ts";
import { nearest } from "../config/suggest.ts";
import { safeText } from "../report/safe_text.ts";
import { reasonOf } from "../platform/reason.ts";
import { EXIT_IMPOSSIBLE, ImpossibleStateError } from "../platform/unexpected.ts";

type CliCommand = (args: readonly string[]) => Promise<number>;

/** Each is loaded when it is asked for: most of the time of a short command is that of loading code. */
const COMMANDS: Readonly<Record<string, () => Promise<CliCommand>>> = {
  init: async () => (await import("./init.ts")).init,
  run: async () => (await import("./run.ts")).run,
  reload: async () => (await import("./reload.ts")).reload,
  "run-once": async () => (await import("./run_once.ts")).runOnce,
  push: async () => (await import("./push.ts")).push,
  check: async () => (await import("./check.ts")).check,
  options: async () => (await import("./options.ts")).options,
  list: async () => (await import("./list.ts")).list,
  show: async () => (await import("./show.ts")).show,
  log: async () => (await import("./task_log.ts")).log,
  retry: async () => (await import("./retry.ts")).retry,
  remove: async () => (await import("./remove.ts")).remove,
  kill: async () => (await import("./kill.ts")).kill,
  status: async () => (await import("./status.ts")).status,
  pause: async () => (await import("./pause.ts")).pause,
  resume: async () => (await import("./pause.ts")).resume,
  wait: async () => (await import("./wait.ts")).wait,
  next: async () => (await import("./next.ts")).next,
  jobs: async () => (await import("./jobs.ts")).jobs,
  "run-job": async () => (await import("./run_job.ts")).runJob,
  "import-crontab": async () => (await import("./import_crontab.ts")).importCrontab,
  types: async () => (await import("./types.ts")).types,
  "python-client": async () => (await import("./python_client.ts")).pythonClient,
  stream: async () => (await import("./stream.ts")).stream,
  "systemd-unit": async () => (await import("./systemd_unit.ts")).systemdUnit,
  man: async () => (await import("./man.ts")).man,
  completions: async () => (await import("./completions.ts")).completions,
  help: async () => (await import("./help.ts")).help,
};

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * @param args without the program's own name
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  openLocalTime();
  try {
    const code = await dispatch(args);
    const problem = unknownZone();
    // A command that was refused has said why.
    if (problem !== null && code !== EXIT_USAGE) note(`${problem}; times are in UTC`);
    return code;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof UsageError) {
      for (const line of error.message.split("\n")) complain(line);
      return EXIT_USAGE;
    }
    note(reasonOf(error));
    return error instanceof ImpossibleStateError ? EXIT_IMPOSSIBLE : EXIT_FAILED;
  }
}

/** A command that reads an ini says itself what is wrong with TZ; for the others UTC will do. */
function openLocalTime(): void {
  try {
    useLocalZone(machineZone(Deno.env.get("TZ")));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    useUnknownZone(error.message);
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    if (isIniInEnvironment()) return await start([]);
    const { overview } = await import("./help.ts");
    console.error(overview());
    return EXIT_USAGE;
  }
  if (first === "--help" || first === "-h") return await explain([]);
  if (rest.includes("--help")) return await explain([isCommand(first) ? first : "run"]);
  if (first === "--version" || first === "-V") {
    const { version } = await import("./version.ts");
    return await version(rest);
  }
  if (first === "complete") {
    const { complete } = await import("./completions.ts");
    return await complete(rest);
  }
  const command = isCommand(first) ? await COMMANDS[first]?.() : undefined;
  if (command) return await command(rest);
  if (first.startsWith("-") || namesFile(first)) return await start(args);
  const near = nearest(first, Object.keys(COMMANDS), 1);
  const hint = near === undefined ? "spooler help lists them" : `did you mean ${near}?`;
  throw new UsageError(`there is no command "${safeText(first)}"; ${hint}`);
}

function isCommand(word: string): boolean {
  return Object.hasOwn(COMMANDS, word);
}

async function start(args: readonly string[]): Promise<number> {
  const { run } = await import("./run.ts");
  return await run(args);
}

async function explain(words: readonly string[]): Promise<number> {
  const { help } = await import("./help.ts");
  return await help(words);
}

/** `spooler site.ini` is `spooler --ini site.ini`, as in uWSGI. */
function namesFile(word: string): boolean {
  return /\.ini(?::[^/]*)?$/.test(word);
}
