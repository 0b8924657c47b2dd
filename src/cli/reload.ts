/** `spooler reload`: has the running program read its ini again, when nothing is wrong with that. */

import { checkStart } from "../app/start_checks.ts";
import { readPidFile } from "../daemon/pid_file.ts";
import { processAt } from "../platform/holder.ts";
import { ConfigError } from "../platform/problem.ts";
import { safeText } from "../report/safe_text.ts";
import { noWords, readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { iniArgs, loadIni } from "./ini.ts";
import { CliOutput } from "./output.ts";

export async function reload(args: readonly string[]): Promise<number> {
  const { options, words } = readArgs("reload", args, ["ini", "pidfile"]);
  noWords("reload", words);
  const file = options.pidfile ?? await checkedPidFile(options.ini);
  const pid = readPidFile(file);
  if (pid === null) throw new Error(`pidfile ${file}: names no process; is the program running?`);
  const found = processAt(pid);
  if (found === null) throw new Error(`pidfile ${file}: process ${pid} does not run any more`);
  if (!found.isOurs && found.name !== "spooler") {
    throw new Error(`pidfile ${file}: process ${pid} is another program: ${found.name}`);
  }
  Deno.kill(pid, "SIGHUP");
  const output = new CliOutput();
  await output.line(`${safeText(file)}: process ${pid} reloads; its log says how that went`);
  await output.flush();
  return 0;
}

/** The pidfile of an ini, with which a program could start. */
async function checkedPidFile(ini: string | undefined): Promise<string> {
  const which = iniArgs(ini);
  if (which === null) throw new UsageError("reload needs --ini FILE, or --pidfile FILE");
  const loaded = await loadIni(which);
  const { problems } = await checkStart(loaded);
  if (problems.length > 0) throw new ConfigError(problems);
  const [file] = loaded.config.daemon.pidFiles;
  if (file !== undefined) return file.path;
  throw new UsageError(`${loaded.config.file} has no pidfile=; send SIGHUP: kill -HUP PID`);
}
