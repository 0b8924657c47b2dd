/** `spooler remove`: takes tasks away, for good. */

import { readArgs } from "./args.ts";
import { changeNamed, checkWords, type TaskChange } from "./change.ts";
import { CliOutput } from "./output.ts";
import { type Located, openSpools, WHERE } from "./spools.ts";

const REMOVE: TaskChange = {
  done: "removed",
  was: { queue: "was waiting", failed: "had failed" },
  unchanged: "is removed already",
  act: ({ spool, task }: Located) =>
    task.place === "failed" ? spool.store.removeFailed(task) : spool.store.remove(task),
};

export async function remove(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("remove", args, WHERE, ["json"]);
  checkWords("remove", words);
  const spools = await openSpools("remove", options, { changes: true, words });
  const output = new CliOutput();
  const allWell = await changeNamed(spools, words, REMOVE, { output, json: flags.has("json") });
  await output.flush();
  return allWell ? 0 : 1;
}
