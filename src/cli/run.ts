/** `spooler --ini FILE`: the program itself. */

import { runApp } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import { problemText } from "../config/problem.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import { systemSignals } from "../platform/signals.ts";
import { logSink } from "../report/log.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { options, words } = readArgs(args, ["ini"]);
  if (words.length > 0) throw new UsageError(`does not know what to do with "${words[0]}"`);
  if (options.ini === undefined) throw new UsageError("wants --ini FILE");
  const { config, warnings } = await loadConfig(options.ini);
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
