/**
 * `spooler check site.ini`: finds out what a start would, starts nothing but a worker that loads the
 * task modules, and prints what would happen.
 *
 * Exit codes: 0 it can start (there may be warnings), 2 it cannot.
 */

import { harmlessJson } from "../report/safe_text.ts";
import { commandWarnings } from "../app/command_checks.ts";
import { loadModules, type ModuleOffer } from "../app/module_check.ts";
import { doubleRuns } from "../app/double_runs.ts";
import { checkStart } from "../app/start_checks.ts";
import type { Config } from "../config/config.ts";
import { registeredJobs } from "../schedule/registration.ts";
import { type Loaded, showConfigOf } from "../config/load.ts";
import { ConfigError, type Problem, problemText } from "../platform/problem.ts";
import { systemClock } from "../platform/clock.ts";
import { UsageError } from "./error.ts";
import { refuseUnknown } from "./ini_options.ts";
import { loadIni } from "./ini.ts";
import { isIniInEnvironment } from "./ini_environment.ts";
import { planJson, planText } from "./plan.ts";
import { counted } from "../platform/count_text.ts";

const FLAGS = ["--json", "--show-config", "--connect"];

/** @param args options and files, as for the program itself; `--json` and `--show-config` too */
export async function check(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const { isGcc, rest } = takeFormat(args.filter((arg) => !FLAGS.includes(arg)));
  if (json && isGcc) throw new UsageError("check takes --json or --format gcc, not both");
  if (rest.length === 0 && !isIniInEnvironment()) {
    throw new UsageError("check needs an ini: spooler check site.ini");
  }
  refuseUnknown("check", rest, ["json", "format", "show-config", "connect"]);
  try {
    if (args.includes("--show-config")) {
      console.log(await showConfigOf(rest));
      return 0;
    }
    const loaded = await loadIni(rest);
    const found = await examineSite(loaded);
    if (found.problems.length > 0) throw new ConfigError(found.problems.map(masked(loaded)));
    const { jobs: registered, refused } = registeredIn(found.offers, loaded.config);
    const streams = args.includes("--connect")
      ? await (await import("./check_streams.ts")).findStreams(loaded.config)
      : { found: [], warnings: [] };
    const warnings = [
      ...loaded.warnings,
      ...[...found.warnings, ...refused, ...streams.warnings].map(masked(loaded)),
    ];
    const { offers } = found;
    const site = { ...loaded, warnings, offers, registered, found: streams.found };
    if (isGcc) printLikeGcc([], warnings);
    else console.log(json ? planJson(site, systemClock.now()) : planText(site, systemClock.now()));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map((problem) => ({
      file: problem.place.file,
      line: problem.place.line,
      message: problem.message,
    }));
    if (json) console.log(harmlessJson(JSON.stringify({ ok: false, problems }, null, 2)));
    else if (isGcc) printLikeGcc(error.problems, []);
    else {
      for (const problem of error.problems) console.error(problemText(problem));
      console.error(`\n${counted(problems.length, "problem")}.`);
    }
    return 2;
  }
}

/** All that a start does to find out whether it can work, and the modules loaded once. */
async function examineSite(loaded: Loaded) {
  const { problems, warnings } = await checkStart(loaded);
  // Code cannot be loaded where its directory cannot be entered: one cause, one problem.
  const modules = problems.length > 0
    ? { offers: [], problems: [], warnings: [] }
    : await loadModules(loaded.config, systemClock);
  return {
    offers: modules.offers,
    problems: [...problems, ...modules.problems],
    warnings: [
      ...warnings,
      ...await commandWarnings(loaded),
      ...modules.warnings,
      ...doubleRuns(loaded.config),
    ],
  };
}

/** What code registers, by the rules of the running program; also what it would refuse. */
function registeredIn(offers: readonly ModuleOffer[], { cronZone: zone }: Config) {
  const registrations = offers.flatMap((offer) => offer.registrations);
  const owner = "check";
  const defaults = { zone, onFailure: null, cronHarakiriMs: null };
  const { jobs, refused } = registeredJobs([{ owner, registrations }], [owner], defaults);
  return {
    jobs,
    refused: refused.map(({ place, message }) => ({ place, message: `${message}; it never runs` })),
  };
}

const masked = ({ secrets }: Loaded) => (problem: Problem) => ({
  ...problem,
  message: secrets.mask(problem.message),
});

/**
 * `--format gcc`, with a blank or `=`, taken out of the arguments.
 *
 * @throws {UsageError} for another format
 */
function takeFormat(args: readonly string[]): { isGcc: boolean; rest: readonly string[] } {
  const at = args.findIndex((arg) => /^--format(=|$)/.test(arg));
  if (at < 0) return { isGcc: false, rest: args };
  const isOne = args[at]?.includes("=") ?? false;
  const format = isOne ? args[at]?.slice("--format=".length) : args[at + 1];
  if (format !== "gcc") throw new UsageError(`--format needs gcc: "${format ?? ""}"`);
  return { isGcc: true, rest: args.toSpliced(at, isOne ? 1 : 2) };
}

/** To stdout, as linters do; line 1 stands for what has no line. */
function printLikeGcc(errors: readonly Problem[], warnings: readonly Problem[]): void {
  const print = (kind: string) => ({ place: { file, line }, message }: Problem) =>
    console.log(`${file}:${Math.max(1, line)}: ${kind}: ${message.replaceAll("\n", " ")}`);
  errors.forEach(print("error"));
  warnings.forEach(print("warning"));
}
