/** What a running task or job prints, line by line, to whoever watches (server-sent events). */

import type { HttpAnswer } from "../monitor/http_answer.ts";
import { timeText } from "../platform/local_time.ts";
import { nameFromShown } from "../platform/name.ts";
import { jsonLine } from "../report/safe_text.ts";
import { isPriorityName, isTaskName } from "../spool/layout.ts";
import { AskError, spoolNamed } from "./ask.ts";
import type { Followed, LiveOutput } from "./live_output.ts";
import type { SiteParts } from "./parts.ts";

/** A peer that has gone without a word is found out by this. */
const BEAT_MS = 15_000;

export interface StreamSource {
  readonly parts: SiteParts;
  readonly live: LiveOutput;
  readonly query: URLSearchParams;
}

/** @throws {AskError} */
export function taskStream(
  source: StreamSource,
  [spoolName = "", ...path]: readonly string[],
): HttpAnswer {
  const { parts } = source;
  const { history: files, inspector } = spoolNamed(parts, spoolName);
  const [name = "", priority = null] = path.toReversed();
  const isTask = path.length <= 2 && isTaskName(name) &&
    (priority === null || isPriorityName(priority));
  if (!isTask) throw new AskError(404, "there is no such task");
  const runs = (each: string) =>
    inspector.find(each, priority).some(({ place }) => place === "queue");
  const meant = runs(name) ? name : nameFromShown(name);
  return outputStream(source, { files, of: { name: meant }, isRunning: () => runs(meant) });
}

/** @throws {AskError} */
export function jobStream(
  source: StreamSource,
  [job = "", ...more]: readonly string[],
): HttpAnswer {
  const { parts } = source;
  const isRunning = () => (parts.runningOf(job) ?? 0) > 0;
  if (more.length > 0 || parts.runningOf(job) === null) {
    throw new AskError(404, "this program has no job of that name");
  }
  return outputStream(source, { files: parts.jobHistory(), of: { job }, isRunning });
}

function outputStream(
  { parts: { clock, mask }, live, query }: StreamSource,
  followed: Followed,
): HttpAnswer {
  const from = Number(query.get("from") ?? 0) || 0;
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
        for await (const line of live.lines(followed, from, signal)) {
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
