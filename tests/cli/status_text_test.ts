/** What status shows of a program that has much to show. */

import { statusLines } from "../../src/cli/status_text.ts";
import type { ProgramSnapshot, WorkerSnapshot } from "../../src/report/snapshot.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";

const AT = Date.UTC(2026, 10, 27, 12);
const totals = {
  ...{
    answered: 4,
    exceptions: 1,
    runMs: 9,
    averageMs: 2,
    spawns: 1,
    harakiris: 0,
    lastSpawnAt: AT,
  },
};
const worker = (number: number, state: WorkerSnapshot["state"]): WorkerSnapshot => ({
  ...{ spool: "mail", language: "python", modules: "tasks.py", number, pid: 7, state },
  ...{ task: null, busyMs: 0, totals },
});
const counts = {
  ...{ ready: 3, deferred: 2, running: 1, failed: 5, postponed: 0, held: 1 },
  ...{ unusable: 0, stuck: 1 },
};
const spool = {
  ...{ name: "mail", dir: "/s/mail", external: false, counts, hasMore: true, processes: 2 },
  ...{ paused: true, oldestReadyMs: 300_000, lastMinuteIn: 40, lastMinuteOut: 38 },
  freeBytes: null,
};

const SNAPSHOT = {
  ...{ version: "1.2.3", pid: 9, uid: 0, gid: 0, cwd: "/", file: "/s/\x1b.ini" },
  ...{ startedAt: AT - 3 * 3_600_000, at: AT, isStopping: false },
  spools: [spool, { ...spool, name: "out", external: true, counts: null, paused: false }],
  running: [],
  workers: [worker(1, "idle"), worker(2, "busy"), worker(3, "busy")],
  jobs: [],
  sockets: [{ address: "/s/in.sock", tls: false }, { address: "0.0.0.0:1", tls: true }],
  connections: 2,
  targets: [{
    ...{ spool: "out", target: "hub:3031", up: false, downSinceAt: AT - 240_000, failures: 9 },
    ...{ reason: "connection refused", underWay: 0 },
  }],
  warnings: [{ at: AT, level: "warning", text: "a\nb" }],
} as const satisfies ProgramSnapshot;

Deno.test("each part of the program has its rows, and no text of others acts on a terminal", () => {
  const lines = [...statusLines(SNAPSHOT)];
  assertMatch(lines[0] ?? "", /^spooler 1\.2\.3, pid 9, up 3h, \/s\/\\x1b\.ini$/);
  assertEquals(lines[1], "health: spool mail: what tasks came to cannot be written");
  const row = (start: string) => lines.find((line) => line.startsWith(start))?.split(/ {2,}/);
  assertEquals(row("mail"), [
    "mail",
    "3+",
    "2",
    "1",
    "5",
    "40",
    "38",
    "5m",
    "paused, 1 held, 1 stuck",
  ]);
  assertEquals(row("out"), ["out", "-", "-", "-", "-", "-", "-", "5m", "external"]);
  assertEquals(row("tasks.py"), ["tasks.py", "mail", "1", "2", "0", "0", "12", "3"]);
  assertEquals(row("hub:3031"), ["hub:3031", "out", "down for 4m", "0", "connection refused"]);
  assert(lines.includes("sockets: /s/in.sock, 0.0.0.0:1 (TLS); 2 connections"));
  assertMatch(lines.at(-1) ?? "", / a\\x0ab$/);
});

Deno.test("a job that waits for a worker is not in the colour of one that failed", () => {
  const job = { name: "beat", when: "every 1s", nextAt: AT, running: 0, waiting: 1, lastRun: null };
  const failed = {
    ...job,
    waiting: 0,
    lastRun: { startedAt: AT, endedAt: AT, result: "exit code 3" },
  };
  const snapshot = { ...SNAPSHOT, jobs: [job, failed] } as unknown as ProgramSnapshot;
  const text = [...statusLines(snapshot, { width: null, hasColours: true })].join("\n");
  assert(text.includes("\x1b[33mwaits for a free worker\x1b[0m"), text);
  assert(text.includes("\x1b[31mexit code 3\x1b[0m"), text);
});

Deno.test("of very many runs the oldest are shown, and how many more there are", () => {
  const run = { spool: "mail", function: "send", pid: 7, startedAt: AT - 5000, attempt: 1 };
  const running = Array.from(
    { length: 30 },
    (_, at) => ({ ...run, id: `5/uwsgi_spoolfile_on_${at}` }),
  );
  const lines = [...statusLines({ ...SNAPSHOT, running } as unknown as ProgramSnapshot)];
  assertEquals(lines.filter((line) => line.startsWith("5/")).length, 20);
  assert(lines.includes("… and 10 more"));
});
