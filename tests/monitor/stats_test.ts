/** `stats`: what programs that know uWSGI's statistics read of the program. */

import { statsText } from "../../src/monitor/stats.ts";
import type { ProgramSnapshot, SpoolSnapshot, WorkerSnapshot } from "../../src/report/snapshot.ts";
import type { AnswerGroup } from "../../src/worker/message.ts";
import { addAnswers, TotalsByNumber } from "../../src/worker/worker_totals.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { monitorAddress, readAll, topRows } from "../support/monitor.ts";
import { makeSite, rewriteSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const TASKS = "export function work(vars) { if (vars.fail) throw new Error('told to fail'); }\n";

Deno.test("each task worker is a worker as uwsgitop reads it", async () => {
  await using site = await makeSite(
    ...["spooler-import = tasks.ts", "spooler-processes = 2", "stats = 127.0.0.1:0"],
    ...["stats = s.sock", "unique-cron = -10 -1 -1 -1 -1 true --password=hunter22"],
  );
  await Deno.writeTextFile(`${site.dir}/tasks.ts`, TASKS);
  await using program = await site.start(/loaded \(JavaScript/);
  const address = await monitorAddress(program, "stats");
  await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_1_1_1", { ud_spool_func: "work" });
  await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_2_1_1", { ud_spool_func: "work", fail: "1" });
  await program.line(/deferred until/);
  await program.line(/ done /);

  const text = await readAll(address);
  const workers = topRows(text);
  const sum = (name: string) => workers.reduce((all, each) => all + Number(each[name]), 0);
  assertEquals([sum("requests"), sum("exceptions"), sum("respawn_count")], [2, 1, workers.length]);
  assert(sum("rss") > 1_000_000 && sum("running_time") > 0);
  const stats = JSON.parse(text);
  assertEquals(stats.pid, program.pid);
  assertEquals(stats.spoolers, [
    { dir: site.spool, pid: program.pid, tasks: 2, respawns: 0, running: 0 },
  ]);
  const [{ started_at: _, pid: __, ...cron }] = stats.crons;
  assertEquals(cron, {
    ...{
      minute: -10,
      hour: -1,
      day: -1,
      month: -1,
      week: -1,
      command: "true --password=********",
      unique: 1,
    },
    legion: "",
  });
  assertEquals(stats.spooler.spools[0].counts.deferred, 1);
  assert(!text.includes("hunter22"), text);
  topRows(await readAll(`${site.dir}/s.sock`));

  const reloaded = program.line(/reloading/);
  await rewriteSite(site, "stats = s.sock", "stats-http", "stats-minified");
  program.signal("SIGHUP");
  await reloaded;
  await program.line(/ ready$/, 2);
  const answer = await readAll(`${site.dir}/s.sock`);
  const [header = "", body = ""] = answer.split("\r\n\r\n");
  assert(header.startsWith("HTTP/1.0 200 OK\r\n"));
  assert(!body.includes("\n"));
  topRows(body);
  const refused = await readAll(address).then(() => false, () => true);
  assert(refused, "the reload closed the other one");
});

const AT = 1_795_434_780_000;

const NOW: ProgramSnapshot = {
  ...{ version: "", pid: 1, uid: 0, gid: 0, cwd: "", file: "", startedAt: 0, at: 0 },
  ...{ isStopping: false, spools: [], running: [], workers: [], jobs: [], sockets: [] },
  ...{ connections: 0, targets: [], warnings: [] },
};

Deno.test("a worker keeps its id when its process is replaced, and the spool counts that", () => {
  const totals = new TotalsByNumber();
  const worker = (number: number): WorkerSnapshot => ({
    ...{ spool: "site", language: "python", modules: "tasks.py", number, pid: 10 + number },
    ...{ state: "idle", task: null, busyMs: 0, totals: totals.spawned(number, AT) },
  });
  const workers = [worker(2), worker(1), worker(1)].slice(0, 2);
  const answer = { kind: "done", tookMs: 400, nextTookMs: [400] } as unknown as AnswerGroup;
  if (workers[0]) addAnswers(workers[0].totals, [answer]);
  const spool: SpoolSnapshot = {
    ...{ name: "site", dir: "/site", external: false, counts: null, hasMore: false },
    ...{ processes: 2, paused: false, oldestReadyMs: null, lastMinuteIn: 0, lastMinuteOut: 0 },
    freeBytes: null,
  };
  const options = {
    settled: () => 2,
    memory: () => ({ rssBytes: 0, vszBytes: 0 }),
    minified: true,
  };
  const stats = JSON.parse(statsText({ ...NOW, workers, spools: [spool] }, options));
  const shown = stats.workers.map((each: Record<string, unknown>) => {
    return [each.id, each.pid, each.running_time, each.avg_rt, each.respawn_count];
  });
  // As uWSGI: the average is half of what it was and half of the last run.
  assertEquals(shown, [[1, 11, 0, 0, 2], [2, 12, 800_000, 300_000, 1]]);
  assertEquals(stats.spoolers[0].respawns, 1);
});

Deno.test("statistics that cannot be had keep no task from running", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using site = await makeSite(`stats = 127.0.0.1:${other.addr.port}`);
  await using program = await site.start();
  await program.line(/warning: no statistics: socket 127\.0\.0\.1:\d+: in use by /);
});
