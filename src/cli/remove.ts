/** `spooler remove`: deletes tasks. */

import { removeTask } from "../spool/change_task.ts";
import { readArgs } from "./args.ts";
import { changeNamed, checkGiven, checkWords, type TaskChange } from "./change.ts";
import { explainDenial } from "./denied.ts";
import { CliOutput } from "./output.ts";
import { isStream, type Located, openSpools, taskWords, WHERE } from "./spools.ts";

const REMOVE: TaskChange = {
  done: "removed",
  unchanged: "is removed already",
  act: ({ spool, task }: Located) => removeTask(spool.store, task),
};

export async function remove(args: readonly string[]): Promise<number> {
  const { options, flags, words: given } = readArgs("remove", args, WHERE, ["json"]);
  const words = taskWords(given);
  if (isStream(options.dir)) {
    checkGiven("remove", given);
    const { removeFromStream } = await import("./stream_change.ts");
    return await removeFromStream({ where: options, words: given, isJson: flags.has("json") });
  }
  checkWords("remove", words);
  const spools = await openSpools("remove", options, { changes: true, words });
  const output = new CliOutput();
  const report = { command: "remove", output, json: flags.has("json") };
  const allWell = await explainDenial(
    "remove",
    spools,
    () => changeNamed(spools, words, REMOVE, report),
  );
  await output.flush();
  return allWell ? 0 : 1;
}
