/** `spooler status` of a stream of NATS: what is in it, and who works through it. */

import { callRoll, type StreamWorker } from "../cluster/roll_call.ts";
import { hasPauseEntry, streamPausedSince } from "../cluster/stream_pause.ts";
import type { StreamQueue } from "../cluster/stream_queue.ts";
import { reportOn, type StreamReport } from "../nats/stream.ts";
import { ATTEMPTS_SUFFIX } from "../nats/stream_address.ts";
import { systemClock } from "../platform/clock.ts";
import { roughText } from "../platform/duration_text.ts";
import { timeText } from "../platform/local_time.ts";
import { safeText } from "../report/safe_text.ts";
import { isoText } from "../report/task_summary.ts";
import { alarmColour, type Look, painted } from "./look.ts";
import { CliOutput } from "./output.ts";
import { redrawLines, repeatedly } from "./status_screen.ts";
import { copies } from "./stream.ts";
import { withStream } from "./stream_link.ts";
import { Table } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

interface ConsumerStatus {
  readonly name: string;
  /** Subjects that it gives out; null is all. */
  readonly filter: string | null;
  /** Given out to nobody yet. */
  readonly pending: number;
  /** Given out, and neither done nor given up: what workers hold, and what was put off. */
  readonly handedOut: number;
}

interface StreamStatus {
  readonly report: StreamReport;
  readonly consumers: readonly ConsumerStatus[];
  readonly workers: readonly StreamWorker[];
  /** Tasks that have failed and run again. */
  readonly retrying: number;
  readonly pausedSince: number | null;
  /** Of the oldest message. */
  readonly oldestMs: number | null;
  readonly ailment: string | null;
}

export async function streamStatus(
  where: { readonly dir?: string; readonly ini?: string },
  flags: ReadonlySet<"json" | "watch" | "check">,
): Promise<number> {
  return await withStream(where, async (queue) => {
    const output = new CliOutput();
    if (flags.has("check")) {
      const { ailment } = await statusOf(queue);
      const healthy = ailment === null;
      if (flags.has("json")) await output.json({ healthy, reason: ailment });
      else await output.line(safeText(ailment ?? "ok"));
      await output.flush();
      return healthy ? 0 : 1;
    }
    const show = flags.has("json")
      ? (now: StreamStatus) => output.json(statusJson(now, queue.address))
      : async (now: StreamStatus) => {
        const lines = [...linesOf(now, queue.address, lookOfOutput())];
        if (flags.has("watch") && Deno.stdout.isTerminal()) return await redrawLines(lines, output);
        await output.lines(lines);
      };
    await repeatedly(flags.has("watch"), output, async () => await show(await statusOf(queue)));
    return 0;
  });
}

async function statusOf({ link }: StreamQueue): Promise<StreamStatus> {
  const { manager, address: { stream } } = link;
  const roll = callRoll(link);
  const report = await reportOn(link, null);
  const consumers: ConsumerStatus[] = [];
  for await (const { name, config, ...counts } of manager.consumers.list(stream)) {
    consumers.push({
      ...{ name, filter: config.filter_subject ?? null },
      ...{ pending: counts.num_pending, handedOut: counts.num_ack_pending },
    });
  }
  const { state } = await manager.streams.info(stream);
  const attempts = await manager.streams.info(`${stream}${ATTEMPTS_SUFFIX}`);
  const pausedSince = await streamPausedSince(link);
  const workers = await roll;
  const oldest = state.messages === 0 ? null : Date.parse(state.first_ts);
  return {
    ...{ report, consumers, workers, pausedSince },
    retrying: attempts.state.messages - (await hasPauseEntry(link) ? 1 : 0),
    oldestMs: oldest === null ? null : Math.max(0, systemClock.now() - oldest),
    ailment: ailmentOf(report, workers),
  };
}

function ailmentOf({ tasks }: StreamReport, workers: readonly StreamWorker[]): string | null {
  if (tasks.replicas > 1 && tasks.leader === null) return `no server leads ${tasks.name}`;
  if (tasks.behind.length > 0) return `servers are behind: ${tasks.behind.join(" ")}`;
  return workers.length === 0 ? "no program that works through it answers" : null;
}

const TASKS = [
  ...["TASKS", "NEW", "HELD", "RETRIED", { heading: "FAILED", colour: alarmColour }, "OLDEST"],
  { heading: "NOTES", colour: () => "yellow" as const },
];
const CONSUMERS = ["CONSUMER", "OF", "NEW", "HANDED OUT"];
const WORKERS = ["WORKER", "PID", "VERSION", "PROCESSES", "HELD", "FUNCTIONS", "NOTES"];

function* linesOf(status: StreamStatus, address: string, look: Look): Generator<string> {
  const { report, consumers, workers, retrying, pausedSince, oldestMs, ailment } = status;
  yield `${safeText(address)}, ${copies(report.tasks)}; server ${safeText(report.server)}`;
  const health = safeText(ailment ?? "ok");
  yield `health: ${look.hasColours ? painted(health, ailment === null ? "green" : "red") : health}`;
  yield "";
  yield* new Table(TASKS, look).lines([[
    ...[report.tasks.messages, pendingOf(status), heldOf(status), retrying, report.failed.messages]
      .map(String),
    oldestMs === null ? "-" : roughText(oldestMs),
    pausedSince === null ? "" : `paused since ${timeText(pausedSince)}`,
  ]]);
  const section = function* (columns: string[], rows: string[][]) {
    if (rows.length > 0) yield* ["", ...new Table(columns, look).lines(rows)];
  };
  yield* section(
    CONSUMERS,
    consumers.map(({ name, filter, pending, handedOut }) => [
      ...[safeText(name), safeText(filter ?? "all"), String(pending), String(handedOut)],
    ]),
  );
  yield* section(
    WORKERS,
    workers.map(({ host, pid, version, processes, functions, paused, held }) => [
      ...[safeText(host), String(pid), safeText(version), String(processes), String(held.length)],
      ...[safeText(functions?.join(" ") ?? "all"), paused ? "paused" : ""],
    ]),
  );
  for (const warning of report.warnings) yield* ["", `warning: ${safeText(warning)}`];
}

/** Without a consumer nobody has got any. */
function pendingOf({ consumers, report }: StreamStatus): number {
  const pending = consumers.reduce((sum, each) => sum + each.pending, 0);
  return consumers.length === 0 ? report.tasks.messages : pending;
}

function heldOf({ workers }: StreamStatus): number {
  return workers.reduce((sum, { held }) => sum + held.length, 0);
}

function statusJson(status: StreamStatus, address: string): object {
  const { report, consumers, workers, retrying, pausedSince, oldestMs, ailment } = status;
  return {
    ...{ healthy: ailment === null, reason: ailment, stream: address, server: report.server },
    counts: {
      ...{ tasks: report.tasks.messages, new: pendingOf(status), held: heldOf(status) },
      ...{ retried: retrying, failed: report.failed.messages },
    },
    ...{ oldestMs, pausedSince: pausedSince === null ? null : isoText(pausedSince) },
    ...{ leader: report.tasks.leader, behind: report.tasks.behind, consumers },
    workers: workers.map(({ held, ...worker }) => ({ ...worker, held: held.length })),
    warnings: report.warnings,
  };
}
