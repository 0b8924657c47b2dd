/** `spooler pause` and `spooler resume`: whether tasks of a spool are started. */

import { timeText } from "../platform/local_time.ts";
import { noWords, readArgs } from "./args.ts";
import { CliOutput } from "./output.ts";
import { jsonLine, safeText } from "../report/safe_text.ts";
import { type OpenSpool, openSpools, WHERE } from "./spools.ts";
import { isoText } from "./task_summary.ts";

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

async function turn(command: string, args: readonly string[], act: Turn): Promise<number> {
  const { options, flags, words } = readArgs(command, args, WHERE, ["json"]);
  noWords(command, words);
  const output = new CliOutput();
  for (const spool of await openSpools(command, options)) {
    const was = spool.inspector.pausedSince() !== null;
    const said = await act(spool);
    const since = spool.inspector.pausedSince();
    const json = {
      spool: spool.dir,
      paused: since !== null,
      changed: was !== (since !== null),
      pausedSince: since === null ? null : isoText(since),
    };
    await output.line(flags.has("json") ? jsonLine(json) : `${safeText(spool.dir)}: ${said}`);
  }
  await output.flush();
  return 0;
}
