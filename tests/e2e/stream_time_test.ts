/** Time and a stream of a real nats-server: a task that is put off by its `at`, and one that takes too long. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { numbersIn, put, StreamSite, writeWorker } from "../support/stream_site.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("nats", `${programLabel}: ${name}`, body);

/** Until a task that was put off is due, in seconds: enough for others to run before. */
const PUT_OFF = 5;

test("a task with an at is put off until then, over a restart, and holds up no other", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const ini = await writeWorker(
    ...[temp, "worker", server, ",processes=1,ack-wait=1"] as const,
    `spooler-task = name=late echo 1 >> ${file}`,
    `spooler-task = name=now true`,
  );
  const at = Math.ceil(Date.now() / 1000) + PUT_OFF;
  const dir = server.address("jobs");
  // Not by an edge, which would hold it until then.
  const pushed = await spooler(["push", "--dir", dir, "ud_spool_func=late", `at=${at}`]);
  assertEquals(pushed.code, 0, pushed.stderr);
  const isEmptyBut = (count: number) => async () =>
    (await server.messages("jobs")).length === count;
  {
    await using first = await Program.start(["--ini", ini]);
    await put(edge, [{ ud_spool_func: "now" }]);
    await first.line(/ now \S+ done/);
    await until(isEmptyBut(1), "the other one is done");
    assertEquals(await first.stop(), 0);
    assert(!/ late \S+ started/.test(first.log), first.log);
  }
  const listed = await spooler(["list", "--dir", dir, "--json"]);
  const { name, state, dueAt } = JSON.parse(listed.stdout);
  // Whether it still waits when this is asked depends on how fast the machine is.
  assertEquals(name, "1");
  assert(state === "deferred" ? Date.parse(dueAt) === at * 1000 : state === "ready", listed.stdout);
  await using second = await Program.start(["--ini", ini]);
  await until(isEmptyBut(0), "it has run");
  assertEquals(await numbersIn(file), [1]);
  const ranAt = (await Deno.stat(file)).mtime?.getTime() ?? 0;
  // The clock of file systems is some milliseconds behind.
  assert(Math.round(ranAt / 1000) >= at, `it ran ${at * 1000 - ranAt} ms too early`);
  assertEquals((await server.messages("jobs_failed")).length, 0);
  assertEquals(await second.stop(), 0);
});

test("harakiri ends a run of a stream's task, which is a failure in the whole cluster", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  // The stream is told that it is worked on meanwhile: harakiri comes after ack-wait.
  const ini = await writeWorker(
    ...[temp, "worker", server, ",ack-wait=1,harakiri=2,retries=1"] as const,
    "spooler-retry-delay = 0.1",
    `spooler-task = name=hang echo $SPOOLER_ATTEMPT >> ${file}; echo stuck >&2; sleep 600`,
  );
  await put(edge, [{ ud_spool_func: "hang" }]);
  await using program = await Program.start(["--ini", ini]);
  await until(async () => (await server.messages("jobs_failed")).length === 1, "it is given up");
  assertEquals(await numbersIn(file), [1, 2]);
  const [failed] = await server.messages("jobs_failed");
  const record = JSON.parse(failed?.headers["Spooler-Failure"] ?? "{}");
  assertEquals([record.attempt, record.attempts.failures], [2, 2]);
  assertMatch(record.reason, /harakiri|longer than 2 s/);
  assertEquals(record.attempts.stderr, "stuck\n");
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  assertEquals(await program.stop(), 0);
});
