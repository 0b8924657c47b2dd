/** `spooler stream`: makes a stream of NATS as the program needs it, or shows what it is. */

import { counted } from "../platform/count_text.ts";
import { createStream, reportOn, type StreamReport, type StreamState } from "../nats/stream.ts";
import { parseDuration, parseInteger } from "../config/value.ts";
import { safeText } from "../report/safe_text.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { parsed, withLink } from "./stream_link.ts";

/** Each id takes some 100 bytes of a server's memory for so long. */
const DEDUP_WINDOW = "1h";
const MOST_REPLICAS = 5;

export async function stream(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs(
    "stream",
    args,
    ["ini", "replicas", "dedup-window", "max-tasks"],
    ["json"],
  );
  const [action, text, ...others] = words;
  if ((action !== "create" && action !== "show") || text === undefined || others.length > 0) {
    throw new UsageError("stream needs create or show, and nats://HOST:PORT/STREAM");
  }
  const { replicas, "dedup-window": dedupWindow, "max-tasks": maxTasks } = options;
  if (action === "show" && [replicas, dedupWindow, maxTasks].some((each) => each !== undefined)) {
    throw new UsageError(
      "stream takes --replicas, --dedup-window and --max-tasks with create only",
    );
  }
  const wish = {
    replicas: parsed("--replicas", replicas ?? "1", parseReplicas),
    dedupWindowMs: parsed("--dedup-window", dedupWindow ?? DEDUP_WINDOW, parseDuration),
    maxTasks: maxTasks === undefined
      ? null
      : parsed("--max-tasks", maxTasks, (value) => parseInteger(value, 1)),
  };
  const report = await withLink(
    ...["the address", text, options.ini] as const,
    (link) => action === "create" ? createStream(link, wish) : reportOn(link, null),
  );
  const output = new CliOutput();
  if (flags.has("json")) await output.json(report);
  else for (const line of linesOf(report)) await output.line(line);
  await output.flush();
  if (!flags.has("json")) { for (const warning of report.warnings) note(`warning: ${warning}`); }
  return 0;
}

function* linesOf({ server, tasks, failed, bodies }: StreamReport): Generator<string> {
  yield `${safeText(tasks.name)}: ${counted(tasks.messages, "task")}, ${copies(tasks)}; ` +
    `server ${safeText(server)}`;
  yield `${safeText(failed.name)}: ${counted(failed.messages, "task")} given up`;
  yield `${safeText(bodies.name)}: ${counted(bodies.bytes, "byte")} of large bodies`;
}

/** How many servers keep it, and which is not well. */
export function copies({ replicas, leader, behind }: StreamState): string {
  const count = replicas === 1 ? "on one server" : `on ${replicas} servers`;
  const led = leader === null ? "" : `, led by ${safeText(leader)}`;
  return `${count}${led}${behind.length === 0 ? "" : `, behind: ${safeText(behind.join(" "))}`}`;
}

function parseReplicas(text: string): number {
  const replicas = parseInteger(text, 1);
  if (replicas <= MOST_REPLICAS) return replicas;
  throw new SyntaxError(`takes ${MOST_REPLICAS} at most`);
}
