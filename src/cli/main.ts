/** Reads the command line, runs the command it names, and turns every error into one line. */

import { unknownZone, useLocalZone, useUnknownZone } from "../platform/local_time.ts";
import { machineZone } from "../platform/machine_zone.ts";
import { ConfigError } from "../platform/problem.ts";
import { check } from "./check.ts";
import { complete, completions } from "./completions.ts";
import { UsageError } from "./error.ts";
import { help, overview } from "./help.ts";
import { kill } from "./kill.ts";
import { list } from "./list.ts";
import { isIniInEnvironment } from "./ini.ts";
import { importCrontab } from "./import_crontab.ts";
import { init } from "./init.ts";
import { jobs } from "./jobs.ts";
import { man } from "./man.ts";
import { next } from "./next.ts";
import { complain, note } from "./output.ts";
import { options } from "./options.ts";
import { pause, resume } from "./pause.ts";
import { push } from "./push.ts";
import { pythonClient } from "./python_client.ts";
import { reload } from "./reload.ts";
import { remove } from "./remove.ts";
import { nearest } from "../config/suggest.ts";
import { safeText } from "../report/safe_text.ts";
import { retry } from "./retry.ts";
import { run } from "./run.ts";
import { runOnce } from "./run_once.ts";
import { show } from "./show.ts";
import { status } from "./status.ts";
import { systemdUnit } from "./systemd_unit.ts";
import { log } from "./task_log.ts";
import { types } from "./types.ts";
import { version } from "./version.ts";
import { wait } from "./wait.ts";
import { runJob } from "./run_job.ts";
import { reasonOf } from "../platform/reason.ts";
import { EXIT_IMPOSSIBLE, ImpossibleStateError } from "../platform/unexpected.ts";

type CliCommand = (args: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, CliCommand>> = {
  init,
  run,
  reload,
  "run-once": runOnce,
  push,
  check,
  options,
  list,
  show,
  log,
  retry,
  remove,
  kill,
  status,
  pause,
  resume,
  wait,
  next,
  jobs,
  "run-job": runJob,
  "import-crontab": importCrontab,
  types,
  "python-client": pythonClient,
  // NATS is loaded where somebody uses it.
  stream: async (args) => await (await import("./stream.ts")).stream(args),
  "systemd-unit": systemdUnit,
  man,
  completions,
  help,
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
    if (isIniInEnvironment()) return await run([]);
    console.error(overview());
    return EXIT_USAGE;
  }
  if (first === "--help" || first === "-h") return await help([]);
  if (rest.includes("--help")) {
    return await help(Object.hasOwn(COMMANDS, first) ? [first] : ["run"]);
  }
  if (first === "--version" || first === "-V") return await version(rest);
  if (first === "complete") return await complete(rest);
  const command = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (command) return await command(rest);
  if (first.startsWith("-") || namesFile(first)) return await run(args);
  const near = nearest(first, Object.keys(COMMANDS), 1);
  const hint = near === undefined ? "spooler help lists them" : `did you mean ${near}?`;
  throw new UsageError(`there is no command "${safeText(first)}"; ${hint}`);
}

/** `spooler site.ini` is `spooler --ini site.ini`, as in uWSGI. */
function namesFile(word: string): boolean {
  return /\.ini(?::[^/]*)?$/.test(word);
}
