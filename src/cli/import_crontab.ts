/**
 * `spooler import-crontab [FILE]`: prints an ini for a crontab, to check and to start.
 *
 * Exit codes: 0 all lines are taken over, 1 some are not (they are comments, and counted on stderr).
 */

import { findAccount } from "../schedule/account.ts";
import { importCrontab as imported } from "../schedule/crontab.ts";
import { decodeCrontab, encodeCrontab } from "../schedule/crontab_bytes.ts";
import { systemHost } from "../config/system_host.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { reasonOf } from "../platform/reason.ts";
import { counted } from "../platform/count_text.ts";

export async function importCrontab(args: readonly string[]): Promise<number> {
  const { flags, words: [file = "-", extra] } = readArgs("import-crontab", args, [], [
    "system",
    "user",
  ]);
  if (extra !== undefined) throw new UsageError("import-crontab needs one file, or - for stdin");
  if (flags.has("system") && flags.has("user")) {
    throw new UsageError("--system or --user, not both");
  }
  const system = flags.has("system") ||
    !flags.has("user") && /^\/etc\/(?:crontab$|cron\.d\/)/.test(file);
  const { lines, leftOut } = imported(decodeCrontab(await read(file)), {
    format: system ? "system" : "user",
    home: system ? null : Deno.env.get("HOME") ?? null,
    isAccount: system ? await accounts() : () => true,
    isDirectory: (path) => systemHost().kindOf(path) === "dir",
  });
  const output = new CliOutput();
  await output.bytes(encodeCrontab(lines));
  await output.flush();
  if (leftOut === 0) return 0;
  note(`${counted(leftOut, "line")} not converted; comments with NOT CONVERTED say why`);
  return 1;
}

async function accounts(): Promise<(name: string) => boolean> {
  const passwd = await Deno.readTextFile("/etc/passwd");
  return (name) => findAccount(passwd, name) !== null;
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return file === "-"
      ? await new Response(Deno.stdin.readable).bytes()
      : await Deno.readFile(file);
  } catch (error) {
    throw new UsageError(`cannot ${reasonOf(error)}`);
  }
}
