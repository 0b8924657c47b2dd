/**
 * `spooler check site.ini`: reads a configuration as the program would, starts nothing, and prints
 * what would happen.
 *
 * Exit codes: 0 it can start (there may be warnings), 2 it cannot.
 */

import { loadConfig, showConfigOf } from "../config/load.ts";
import { ConfigError, problemText } from "../platform/problem.ts";
import { systemClock } from "../platform/clock.ts";
import { UsageError } from "./error.ts";
import { isIniInEnvironment } from "./ini.ts";
import { planJson, planText } from "./plan.ts";

/** @param args options and files, as for the program itself; `--json` and `--show-config` too */
export async function check(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const rest = args.filter((arg) => arg !== "--json" && arg !== "--show-config");
  if (rest.length === 0 && !isIniInEnvironment()) {
    throw new UsageError("check wants an ini: spooler check site.ini");
  }
  try {
    if (args.includes("--show-config")) {
      console.log(await showConfigOf(rest));
      return 0;
    }
    const loaded = await loadConfig(rest);
    console.log(json ? planJson(loaded, systemClock.now()) : planText(loaded, systemClock.now()));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map((problem) => ({
      file: problem.place.file,
      line: problem.place.line,
      message: problem.message,
    }));
    if (json) console.log(JSON.stringify({ ok: false, problems }, null, 2));
    else {
      for (const problem of error.problems) console.error(problemText(problem));
      const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
      console.error(`\n${count}: nothing would start.`);
    }
    return 2;
  }
}
