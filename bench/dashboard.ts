/**
 * The dashboard in front of a large spool: how long each list, search and action on all takes, and how
 * long the program does nothing else meanwhile, as another client sees it that asks for /healthz all the
 * time.
 *
 *     deno run -A bench/dashboard.ts [--tasks=100000] [--runs=5]
 *
 * So many tasks are deferred, and as many have failed; of each a hundredth has another function. The
 * executable is measured when SPOOLER_EXECUTABLE names one.
 */

import { join } from "@std/path";
import { monitorAddress } from "../tests/support/monitor.ts";
import { makeSite } from "../tests/support/site.ts";
import { varsOf } from "../tests/support/store.ts";
import { pause } from "../tests/support/until.ts";
import { encodePacket } from "../src/wire/packet.ts";
import { median, numberArg, printTable, whole } from "./table.ts";

const tasks = numberArg("tasks", 100_000);
const runs = numberArg("runs", 5);
const RARE = 100;
/** A scan of all that was made. */
const SETTLED_MS = 5000;

function fill(dir: string, record: string | null, atMs: number): void {
  Deno.mkdirSync(dir, { recursive: true });
  for (let n = 0; n < tasks; n++) {
    const name = `uwsgi_spoolfile_on_web1_4711_${n}_1_${1_700_000_000 + n}_000001`;
    const vars = {
      ud_spool_func: n % RARE === 0 ? "rare" : "send_mail",
      to: `user${n}@example.org`,
    };
    Deno.writeFileSync(join(dir, name), encodePacket(varsOf(vars), 17));
    Deno.utimeSync(join(dir, name), atMs / 1000, atMs / 1000);
    if (record !== null) Deno.writeTextFileSync(join(dir, `${name}.json`), record);
  }
}

await using site = await makeSite(
  ...["http-socket = 127.0.0.1:0", "spooler-task = true", "spooler-frequency = 3600"],
  "spooler-fsync = false",
);
const reason = "exit code 65: no such image";
const record = JSON.stringify({ reason, failedAt: 1_795_800_000_000, attempts: null });
fill(site.spool, null, Date.now() + 30 * 86_400_000);
fill(join(site.spool, "failed"), record, Date.now());
await using program = await site.start(/ ready$/);
const base = `http://${await monitorAddress(program, "http")}`;
await pause(SETTLED_MS);

/** Of anything: how long it took, and the longest that others waited meanwhile. */
async function measured(work: () => Promise<unknown>): Promise<{ ms: number; stallMs: number }> {
  let isOver = false;
  let stallMs = 0;
  const probing = (async () => {
    while (!isOver) {
      const since = performance.now();
      await (await fetch(`${base}/healthz`)).text();
      stallMs = Math.max(stallMs, performance.now() - since);
    }
  })();
  const since = performance.now();
  await work();
  const ms = performance.now() - since;
  isOver = true;
  await probing;
  return { ms, stallMs };
}

async function get(path: string): Promise<string> {
  const response = await fetch(base + path);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 500)}`);
  return text;
}

/** Of the program, since its start. */
function cpuMs(): number {
  const stat = Deno.readTextFileSync(`/proc/${program.pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

const rows: string[][] = [];
const note = (row: string[]) => {
  rows.push(row);
  console.error(row.join("  "));
};

async function page(what: string, path: string): Promise<void> {
  const first = await measured(() => get(path));
  const before = cpuMs();
  const more: { ms: number; stallMs: number }[] = [];
  for (let run = 0; run < runs; run++) await get(path);
  const cpu = (cpuMs() - before) / runs;
  for (let run = 0; run < runs; run++) more.push(await measured(() => get(path)));
  note([
    what,
    whole(first.ms),
    whole(median(more.map(({ ms }) => ms))),
    whole(cpu),
    whole(Math.max(first.stallMs, ...more.map(({ stallMs }) => stallMs))),
  ]);
}

const { token } = JSON.parse(await get("/api/token"));

/** To its end, however long that takes. */
async function act(what: string, value: Readonly<Record<string, string>>): Promise<void> {
  const before = cpuMs();
  const { ms, stallMs } = await measured(async () => {
    const response = await fetch(`${base}/api/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-spooler-token": token },
      body: JSON.stringify({ all: "yes", ...value }),
    });
    let result = await response.json();
    if (result.error) throw new Error(result.error);
    const { result: id } = result;
    while (!result.isOver) {
      await pause(50);
      result = JSON.parse(await get(`/api/results/${id}`));
    }
    what += `: ${result.text}`;
  });
  note([what, whole(ms), "", whole(cpuMs() - before), whole(stallMs)]);
}

await page("nothing (the probe alone)", "/healthz");
await page("overview", "/");
await page("tasks, first page", "/tasks");
await page("tasks, deferred", "/tasks?state=deferred");
await page("tasks, failed", "/tasks?state=failed");
await page("tasks, failed, 1,000 rows of JSON", "/api/tasks?state=failed&limit=1000");
await page("tasks, ready (none is)", "/tasks?state=ready");
await page("tasks, running (none does)", "/tasks?state=running");
await page("tasks of a rare function", "/tasks?function=rare");
await page("search that finds nothing", "/tasks?q=nowhere");
await page("history", "/history");
await page("count of all failed", "/api/tasks/all?do=retry&state=failed");
await page("count of a rare function", "/api/tasks/all?do=remove&state=deferred&function=rare");
await act("remove all deferred of a rare function", {
  ...{ do: "remove", state: "deferred", function: "rare" },
});
await act("remove all failed", { do: "remove", state: "failed" });
printTable([
  [`${whole(tasks)} deferred, ${whole(tasks)} failed`, "first ms", "then ms", "CPU ms", "stall ms"],
  ...rows,
]);
const peak = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${program.pid}/status`))?.[1];
console.log(`peak memory: ${Math.round(Number(peak) / 1024)} MiB`);
