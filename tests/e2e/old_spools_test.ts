/** What version 0.1 left on disk, with which today's program goes on; and what a later one left. */

import { join } from "@std/path";
import { sendTask } from "../../src/wire/client.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const ARCHIVE = new URL("../fixtures/v0.1/site.tar.gz", import.meta.url).pathname;
const ACCEPTED_ID =
  "uwsgi_spoolfile_on_vm_11025_1_1917857319_1795713750_699000:5a58bf153fadbc07fa4c25b1";

async function unpack(dir: string): Promise<void> {
  const args = ["-xzf", ARCHIVE, "-C", dir, "--no-same-owner"];
  const { success, stderr } = await new Deno.Command("tar", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const HUB = `[uwsgi]
spooler = spool
spooler = batch
spooler = crashed
spooler-retry-delay = 1000
spooler-dedup-window = 36500d
spooler-task = name=ok cat; echo "$SPOOL_N" >> ran
spooler-task = name=bad echo "bad $SPOOL_N" >> ran
spooler-task = name=never echo "never $SPOOL_N" >> ran
spooler-task = name=nap echo nap >> ran
spooler-task = name=slow echo "slow $SPOOL_N" >> ran
spooler-task = name=weak,retries=1 exit 1
socket = 127.0.0.1:0
cron-state = spool.hub.cron-state
cron2 = name=nightly,minute=0,hour=3 true
timer2 = name=beat,every=2s true
timer2 = name=sick,every=3s exit 3
`;

interface Listed {
  readonly name: string;
  readonly priority: string | null;
  readonly state: string;
  readonly function: string;
  readonly failures: number;
  readonly lastError: string | null;
}

const parseLines = (text: string) =>
  text.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));

async function listed(dir: string): Promise<Listed[]> {
  const { stdout, stderr } = await spooler(["list", "--dir", dir, "--json"]);
  assertEquals(stderr, "");
  return parseLines(stdout);
}

const summary = (tasks: readonly Listed[]) =>
  tasks.map((task) => `${task.priority ?? "-"} ${task.function} ${task.failures}`).sort();

async function site() {
  const temp = await tempDir();
  await unpack(temp.path);
  const inDir = (name: string) => join(temp.path, name);
  await Deno.writeTextFile(inDir("hub.ini"), HUB);
  return {
    inDir,
    ran: () =>
      Deno.readTextFile(inDir("ran")).then((text) => text.trim().split("\n").sort(), () => []),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

Deno.test(`${programLabel}: a spool, its records and its schedules as version 0.1 left them`, async () => {
  await using old = await site();
  const spool = old.inDir("spool");
  const ini = old.inDir("hub.ini");
  const failed = (tasks: readonly Listed[]) => tasks.filter(({ state }) => state === "failed");
  const before = await listed(spool);
  assertEquals(before.length, 10);
  assertEquals(summary(failed(before)), ["- bad 2", "- never 1", "3 bad 2"]);
  const jobs = parseLines((await spooler(["jobs", "--ini", ini, "--json"])).stdout);
  assertEquals(
    jobs.map(({ job, result, startedAt }) => [job, result, startedAt]),
    [
      ["nightly", null, null],
      ["beat", "exit code 0", "2026-11-26T17:22:36.810+00:00"],
      ["sick", "exit code 3", "2026-11-26T17:22:37.807+00:00"],
    ],
  );

  await using program = await Program.start(["--ini", ini]);
  // Of the batch, the first was running when its program died: that is forgiven once.
  await until(
    async () => (await old.ran()).filter((line) => line === "nap").length === 2,
    "the batch is done",
  );
  // The second death of a program during the same task counts as a failure.
  await until(
    async () => (await listed(old.inDir("crashed")))[0]?.failures === 1,
    "the crash counts",
  );
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const again = varsOf({ ud_spool_func: "ok", from: "edge", n: "4", spooler_id: ACCEPTED_ID });
  assertEquals(await sendTask({ kind: "tcp", host: "127.0.0.1", port }, again), true);
  assertEquals((await listed(spool)).length, 10, "paused, and the repeated task is not put again");

  // They are deferred until some time in the evening on which that version ran.
  for (const task of before.filter(({ function: name }) => name === "weak" || name === "slow")) {
    const name = task.name.replace(/\udce9/, "\\xe9");
    await spooler(["retry", "--dir", spool, name]);
  }
  assertEquals((await spooler(["resume", "--dir", spool])).code, 0);
  // Its third run, and the second failure of the others: those are given up.
  await until(async () => (await listed(spool)).length === 7, "all that is due has run");
  assertEquals(summary(failed(await listed(spool))), [
    ...["- bad 2", "- never 1", "- weak 2", "- weak 2", "3 bad 2", "5 weak 2"],
  ]);
  assertEquals(await old.ran(), ["10", "11", "nap", "nap", "slow 6"]);
  for (const { name, function: func } of failed(before)) {
    assertEquals((await spooler(["retry", "--dir", spool, name])).code, 0, func);
  }
  await until(async () => (await old.ran()).length === 8, "what was given up runs again");
  assertEquals((await old.ran()).slice(2, 5), ["bad 1", "bad 2", "nap"]);
  assertEquals(await program.stop(), 0);
});

Deno.test(`${programLabel}: a forward as version 0.1 left it`, async () => {
  await using old = await site();
  const identityPath = old.inDir("outbox/.spooler/identity");
  const identity = await Deno.readTextFile(identityPath);
  await Deno.remove(old.inDir("spool"), { recursive: true });
  await using hub = await Program.start(["--ini", old.inDir("hub.ini")]);
  const port = portIn(await hub.line(/ socket 127\.0\.0\.1:\d+$/));
  const edgeIni = old.inDir("edge.ini");
  await Deno.writeTextFile(edgeIni, `[uwsgi]\nspooler-forward = outbox 127.0.0.1:${port}\n`);
  assertEquals(summary(await listed(old.inDir("outbox"))), ["- ok 0", "4 ok 0"]);
  await using edge = await Program.start(["--ini", edgeIni]);
  await until(
    async () => (await old.ran()).filter((line) => line !== "nap").length === 2,
    "both are delivered",
  );
  await hub.line(/ok\| a body$/);
  await until(async () => (await listed(old.inDir("outbox"))).length === 0, "the outbox is empty");
  assertEquals(await Deno.readTextFile(identityPath), identity);
  const accepted = await Deno.readTextFile(old.inDir("spool/.spooler/accepted"));
  assertEquals(
    accepted.match(/uwsgi_spoolfile_on_vm_11(267|273)_1_\d+_\d+_\d+:[0-9a-f]{24}/g)?.length,
    2,
  );
  assertEquals(await edge.stop(), 0);
  assertEquals(await hub.stop(), 0);
});

Deno.test(`${programLabel}: a task with the record of a later version does not run, and the log, list and show say why`, async () => {
  await using own = await makeSite("spooler-task = echo it ran");
  const path = await writeTask(own.spool, "uwsgi_spoolfile_on_a", { ud_spool_func: "x" });
  const records = join(own.spool, ".spooler/attempts");
  await Deno.mkdir(records, { recursive: true });
  await Deno.writeTextFile(join(records, "uwsgi_spoolfile_on_a.json"), '{"version":2}');
  const reason = "its record has version 2, of a later program";
  await using program = await own.start();
  await program.line(new RegExp(`uwsgi_spoolfile_on_a: unusable: ${reason}$`));
  const list = await spooler(["list", "--dir", own.spool]);
  assertMatch(list.stdout, new RegExp(`^ready .* a  +${reason}$`, "m"));
  const show = await spooler(["show", "--dir", own.spool, "a"]);
  assertMatch(show.stdout, new RegExp(`^failures  ${reason}$`, "m"));
  await spooler(["push", "--dir", own.spool, "ud_spool_func=next"]);
  await program.line(/next \S+ done/);
  assert(await Deno.stat(path).then(() => true));
  assertEquals(await program.stop(), 0);
  assertEquals(program.log.match(/it ran/g)?.length, 1);
});
