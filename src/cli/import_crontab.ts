/** `spooler import-crontab [FILE]`: prints the lines of an ini for a crontab, to look at and paste. */

import { importCrontab as linesOf } from "../schedule/crontab.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { reasonOf } from "../platform/reason.ts";

const HEADER = [
  "; Taken over from a crontab. Two things differ: commands run in the directory of the ini, not in",
  "; the home directory, and with the environment of spooler.",
];

export async function importCrontab(args: readonly string[]): Promise<number> {
  const { flags, words: [file = "-", extra] } = readArgs(args, [], ["system", "user"]);
  if (extra !== undefined) throw new UsageError("import-crontab wants one file, or - for stdin");
  if (flags.has("system") && flags.has("user")) {
    throw new UsageError("--system or --user, not both");
  }
  const system = flags.has("system") ||
    !flags.has("user") && /^\/etc\/(?:crontab$|cron\.d\/)/.test(file);
  const lines = linesOf(await read(file), system ? "system" : "user");
  console.log([...HEADER, ...lines].join("\n"));
  return 0;
}

async function read(file: string): Promise<string> {
  try {
    return file === "-"
      ? await new Response(Deno.stdin.readable).text()
      : await Deno.readTextFile(file);
  } catch (error) {
    throw new UsageError(`the crontab cannot be read: ${reasonOf(error)}`);
  }
}
