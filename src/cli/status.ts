/** `spooler status`: what goes on, on one screen; without a running program, what the disk shows. */

import { ailment } from "../monitor/health.ts";
import { roughText } from "../platform/duration_text.ts";
import { timeText } from "../platform/local_time.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import { safeText } from "../report/safe_text.ts";
import { noWords, readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { diskJson, type DiskStatus, diskStatus } from "./disk_status.ts";
import { UsageError } from "./error.ts";
import { alarmColour, type Look } from "./look.ts";
import { CliOutput } from "./output.ts";
import { type OpenPlaces, openPlaces, snapshotsOf } from "./programs.ts";
import { isStream, WHERE } from "./spools.ts";
import { redrawLines, repeatedly } from "./status_screen.ts";
import { statusLines } from "./status_text.ts";
import { Table } from "./table.ts";
import { lookOfOutput } from "./terminal.ts";

interface StatusNow {
  readonly programs: readonly ProgramSnapshot[];
  /** Of the spools of which no program says anything. */
  readonly spools: readonly DiskStatus[];
  /** By the rules of GET /healthz; null when all is well. */
  readonly ailment: string | null;
}

export async function status(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("status", args, WHERE, ["json", "watch", "check"]);
  noWords("status", words);
  if (flags.has("check") && flags.has("watch")) {
    throw new UsageError("status takes --check or --watch, not both");
  }
  if (isStream(options.dir)) {
    const { streamStatus } = await import("./stream_status.ts");
    return await streamStatus(options, flags);
  }
  const open = await openPlaces("status", options);
  const read = () => explainDenial("status", open.spools, () => statusOf(open));
  if (flags.has("check")) return await check(await read(), flags.has("json"));
  const output = new CliOutput();
  const show = flags.has("json")
    ? (now: StatusNow) => output.json(statusJson(now))
    : flags.has("watch") && Deno.stdout.isTerminal()
    ? (now: StatusNow) => redrawLines([...linesOf(now, lookOfOutput())], output)
    : (now: StatusNow) => print(now, output);
  await repeatedly(flags.has("watch"), output, async () => await show(await read()));
  return 0;
}

async function statusOf({ spools, places }: OpenPlaces): Promise<StatusNow> {
  const programs = await snapshotsOf(places);
  const known = new Set(
    programs.flatMap((each) => each.spools.filter(({ counts }) => counts).map(({ dir }) => dir)),
  );
  const unknown = spools.filter(({ dir }) => !known.has(dir));
  const wrong = programs.map((each) => ailment(each)).find((each) => each !== null);
  return {
    programs,
    spools: unknown.map(diskStatus),
    ailment: programs.length === 0 ? "no running spooler answers" : wrong ?? null,
  };
}

/** For containers and load balancers: a line, and the exit code. */
async function check(now: StatusNow, asJson: boolean): Promise<number> {
  const output = new CliOutput();
  const healthy = now.ailment === null;
  if (asJson) await output.json({ healthy, reason: now.ailment });
  else await output.line(safeText(now.ailment ?? "ok"));
  await output.flush();
  return healthy ? 0 : 1;
}

function statusJson({ programs, spools, ailment: reason }: StatusNow): object {
  return { healthy: reason === null, reason, programs, spools: spools.map(diskJson) };
}

function* linesOf({ programs, spools }: StatusNow, look: Look): Generator<string> {
  for (const [at, program] of programs.entries()) {
    if (at > 0) yield "";
    yield* statusLines(program, look);
  }
  if (spools.length === 0) {
    if (programs.length === 0) yield "no running spooler answers here";
    return;
  }
  if (programs.length > 0) yield "";
  yield "no running spooler answers here; on disk:";
  yield* new Table(ON_DISK, look).lines(
    spools.map(({ dir, counts, pausedSince, oldestReadyMs }) => [
      safeText(dir),
      ...[counts.ready, counts.deferred, counts.running, counts.failed].map(String),
      oldestReadyMs === null ? "-" : roughText(oldestReadyMs),
      pausedSince === null ? "" : `paused since ${timeText(pausedSince)}`,
    ]),
  );
}

const ON_DISK = [
  ...[{ heading: "SPOOL", cut: "start" as const }, "READY", "DEFERRED", "RUNNING"],
  ...[{ heading: "FAILED", colour: alarmColour }, "OLDEST", "NOTES"],
];

async function print(now: StatusNow, output: CliOutput): Promise<void> {
  for (const line of linesOf(now, lookOfOutput())) await output.line(line);
}
