/** `spooler pause` and `spooler resume`: whether tasks of a spool are started. */

import { join } from "@std/path";
import { PAUSED_FILE } from "../spool/layout.ts";
import { timeText } from "../platform/local_time.ts";
import { noWords, readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { CliOutput } from "./output.ts";
import { safeText } from "../report/safe_text.ts";
import { isStream, type OpenSpool, openSpools, WHERE } from "./spools.ts";
import { isoText } from "../report/task_summary.ts";

/** What one of the two commands does to a spool, and how it says so. */
type Turn = (spool: OpenSpool) => Promise<string>;

/** Tasks that run go on; no other is started, also not after a restart. */
export function pause(args: readonly string[]): Promise<number> {
  return turn("pause", args, async ({ store, inspector }) => {
    if (await store.pause()) return "paused";
    const since = inspector.pausedSince();
    return since === null ? "paused" : `was paused already, since ${timeText(since)}`;
  });
}

export function resume(args: readonly string[]): Promise<number> {
  return turn("resume", args, async ({ store }) => {
    return await store.resume() ? "resumed" : "was not paused";
  });
}

async function turn(
  command: "pause" | "resume",
  args: readonly string[],
  act: Turn,
): Promise<number> {
  const { options, flags, words } = readArgs(command, args, WHERE, ["json"]);
  noWords(command, words);
  if (isStream(options.dir)) {
    const { turnStream } = await import("./stream_pause.ts");
    return await turnStream(command, options, flags.has("json"));
  }
  const output = new CliOutput();
  const spools = await openSpools(command, options);
  const all = async () => {
    for (const spool of spools) await turnOne(spool, act, flags.has("json"), output);
  };
  await explainDenial(command, spools, all);
  await output.flush();
  return 0;
}

async function turnOne(
  spool: OpenSpool,
  act: Turn,
  asJson: boolean,
  output: CliOutput,
): Promise<void> {
  await checkVisible(spool.dir);
  const was = spool.inspector.pausedSince() !== null;
  const said = await act(spool);
  const since = spool.inspector.pausedSince();
  const json = {
    spool: spool.dir,
    paused: since !== null,
    changed: was !== (since !== null),
    pausedSince: since === null ? null : isoText(since),
  };
  if (asJson) await output.json(json);
  else await output.line(`${safeText(spool.dir)}: ${said}`);
}

/** @throws {Deno.errors.PermissionDenied} when nobody could say whether it is paused */
async function checkVisible(dir: string): Promise<void> {
  try {
    await Deno.lstat(join(dir, PAUSED_FILE));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
