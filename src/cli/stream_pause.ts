/** `spooler pause` and `spooler resume` of a stream of NATS: of all that work through it. */

import { streamPausedSince, writePause } from "../cluster/stream_pause.ts";
import { systemClock } from "../platform/clock.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import { isoText } from "../report/task_summary.ts";
import { CliOutput } from "./output.ts";
import { withStream } from "./stream_link.ts";

export async function turnStream(
  command: "pause" | "resume",
  where: { readonly dir?: string; readonly ini?: string },
  isJson: boolean,
): Promise<number> {
  return await withStream(where, async ({ link, address }) => {
    const was = await streamPausedSince(link);
    const isPause = command === "pause";
    const changed = isPause === (was === null);
    const since = isPause ? was ?? systemClock.now() : null;
    if (changed) await writePause(link, since);
    const output = new CliOutput();
    if (isJson) {
      const pausedSince = since === null ? null : isoText(since);
      await output.json({ spool: address, paused: isPause, changed, pausedSince });
    } else {
      const said = changed
        ? `${command}d`
        : was === null
        ? "was not paused"
        : `was paused already, since ${timeText(was)}`;
      await output.line(`${safeText(address)}: ${said}`);
    }
    await output.flush();
    return 0;
  });
}
