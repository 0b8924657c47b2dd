/** `spooler --ini FILE`, with any options of the table: the program itself. */

import { runApp } from "../app.ts";
import { loadConfig, showConfigOf } from "../config/load.ts";
import { problemText } from "../config/problem.ts";
import { showConfig } from "../config/show.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import { systemSignals } from "../platform/signals.ts";
import { logSink } from "../report/log.ts";
import { check } from "./check.ts";

export async function run(args: readonly string[]): Promise<number> {
  if (args.includes("--check")) return await check(args.filter((arg) => arg !== "--check"));
  if (args.includes("--show-config")) {
    // Asked for on the command line it is all a person wants; in a file it comes before the start.
    console.log(await showConfigOf(args.filter((arg) => arg !== "--show-config")));
    return 0;
  }
  const { config, warnings, entries, printed, secrets } = await loadConfig(args);
  for (const line of printed) console.log(line);
  if (entries.some(({ key }) => key === "show-config")) console.log(showConfig(entries, secrets));
  const emit = logSink((line) => console.error(line), () => systemClock.now());
  for (const warning of warnings) {
    emit({ type: "config.warning", message: problemText(warning) });
  }
  await runApp(config, {
    clock: systemClock,
    random: systemRandom,
    signals: systemSignals,
    emit,
  });
  return 0;
}
