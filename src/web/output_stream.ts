/** What a running task prints, line by line, to whoever watches (server-sent events). */

import { follow } from "../history/follow.ts";
import type { HttpAnswer } from "../monitor/http_answer.ts";
import { timeText } from "../platform/local_time.ts";
import { jsonLine } from "../report/safe_text.ts";
import { refOf, taskId } from "../spool/layout.ts";
import { isPriorityName, isTaskName } from "../spool/layout.ts";
import { AskError, spoolNamed } from "./ask.ts";
import type { SiteParts } from "./parts.ts";

/** A peer that has gone without a word is found out by this. */
const BEAT_MS = 15_000;

/** @throws {AskError} */
export function outputStream(
  parts: SiteParts,
  segments: readonly string[],
  query: URLSearchParams,
): HttpAnswer {
  const [spoolName = "", ...path] = segments;
  const spool = spoolNamed(parts, spoolName);
  const [name = "", priority = null] = path.toReversed();
  const isTask = path.length <= 2 && isTaskName(name) &&
    (priority === null || isPriorityName(priority));
  if (!isTask) throw new AskError(404, "there is no such task");
  const id = taskId({ name, priority });
  const from = Number(query.get("from") ?? 0);
  const { history: files } = spool;
  const { clock, mask } = parts;
  const encoded = (text: string) => Uint8Array.from(new TextEncoder().encode(text));
  return {
    ...{ status: 200, type: "text/event-stream; charset=utf-8" },
    async body(send, signal) {
      let sending = send(encoded("retry: 5000\n\n"));
      const say = (text: string) => sending = sending.then(() => send(encoded(text)));
      let cancel = () => {};
      const beat = () => {
        cancel = clock.after(BEAT_MS, () => void say(": still here\n\n").then(beat, () => {}));
      };
      beat();
      try {
        const isRunning = () =>
          spool.inspector.find(refOf(id).name, priority).some(({ place }) => place === "queue");
        for await (const line of follow({ files, of: { name }, clock, isRunning, signal })) {
          if (line.number <= from) continue;
          const { number, at, stream, text } = line;
          const value = { number, at: timeText(at).slice(11), stream, text: mask(text) };
          await say(`id: ${number}\ndata: ${jsonLine(value)}\n\n`);
        }
        if (!signal.aborted) await say("event: end\ndata: {}\n\n");
      } finally {
        cancel();
      }
    },
  };
}
