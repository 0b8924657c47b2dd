/** Programs that work through a stream of a real nats-server. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { numbersIn, put, StreamSite, writeWorker } from "../support/stream_site.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("nats", `${programLabel}: ${name}`, body);

const numbered = (count: number, func: string) =>
  Array.from({ length: count }, (_, i) => ({ ud_spool_func: func, n: String(i) }));

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test("two machines, of commands and of TypeScript, share the tasks of a stream", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const command = await writeWorker(
    ...[temp, "command", server, ",processes=2"] as const,
    `spooler-task = name=note echo $SPOOL_N >> ${file}`,
  );
  const script = await writeWorker(
    ...[temp, "script", server, ",processes=2"] as const,
    "spooler-import = tasks.ts",
  );
  await Deno.writeTextFile(
    join(temp.path, "script", "tasks.ts"),
    `export async function note({ n }: { n: string }) {
       await Deno.writeTextFile(${JSON.stringify(file)}, n + "\\n", { append: true });
     }`,
  );
  await using one = await Program.start(["--ini", command]);
  await using two = await Program.start(["--ini", script]);
  await put(edge, numbered(200, "note"));
  await until(async () => (await numbersIn(file)).length >= 200, "200 tasks are done");
  assertEquals(await numbersIn(file), upTo(200));
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  for (const program of [one, two]) assertMatch(program.log, / note \S+ done/);
  assertEquals([await one.stop(), await two.stop()], [0, 0]);
});

test("failures are counted over machines, and a task that is given up goes to STREAM_failed", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const ini = await writeWorker(
    ...[temp, "worker", server, ",retries=3"] as const,
    "spooler-retry-delay = 0.1",
    `spooler-task = name=fail echo $SPOOLER_ATTEMPT >> ${file}; echo "no ink" >&2; exit 1`,
  );
  await put(edge, [{ ud_spool_func: "fail", to: "a" }]);
  await using program = await Program.start(["--ini", ini]);
  await until(async () => (await server.messages("jobs_failed")).length === 1, "it is given up");
  assertEquals(await numbersIn(file), [1, 2, 3, 4]);
  const [failed] = await server.messages("jobs_failed");
  assertEquals(failed?.subject, "jobs_failed.fail");
  const record = JSON.parse(failed?.headers["Spooler-Failure"] ?? "{}");
  assertEquals([record.attempt, record.reason], [4, "exit code 1"]);
  const { failures, stderr, firstFailureAt, lastFailureAt } = record.attempts;
  assertEquals([failures, stderr], [4, "no ink\n"]);
  assert(firstFailureAt < lastFailureAt, "it has failed for a while");
  const shown = await spooler(["show", "failed/1", "--dir", server.address("jobs")]);
  assertMatch(shown.stdout, /failures +4\n[^]* {2}\| no ink\n/);
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  await until(async () => (await server.messages("jobs_attempts")).length === 0, "nothing is left");
  assertEquals(await program.stop(), 0);
});

test("a machine that is killed loses its tasks to another, and none of them is lost", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const settings = ",processes=4,ack-wait=2";
  const hanging = await writeWorker(
    ...[temp, "hanging", server, settings] as const,
    "spooler-task = name=note exec sleep 600",
  );
  const working = await writeWorker(
    ...[temp, "working", server, settings] as const,
    `spooler-task = name=note echo $SPOOL_N >> ${file}`,
  );
  await put(edge, numbered(20, "note"));
  await using one = await Program.start(["--ini", hanging]);
  await one.line(/ note \S+ started/, 4);
  await using two = await Program.start(["--ini", working]);
  await until(async () => (await numbersIn(file)).length >= 12, "the others are done");
  await one.kill();
  await until(async () => (await numbersIn(file)).length >= 20, "all are done");
  assertEquals(await numbersIn(file), upTo(20));
  assertEquals(await two.stop(), 0);
  assertEquals((await server.messages("jobs")).length, 0);
});

test("while the server is away nothing is lost, and the work goes on within a second", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const gate = join(temp.path, "gate");
  const ini = await writeWorker(
    ...[temp, "worker", server, ",processes=2"] as const,
    `spooler-task = name=note while [ ! -e ${gate} ]; do sleep 0.02; done; echo $SPOOL_N >> ${file}`,
  );
  await put(edge, numbered(6, "note"));
  await using program = await Program.start(["--ini", ini]);
  await program.line(/ note \S+ started/, 2);
  await server.kill();
  await program.line(/ is down: .*; its tasks wait$/);
  // What runs now ends while nobody hears of it.
  await Deno.writeTextFile(gate, "");
  await program.line(/ note \S+ done/, 2);
  await server.start();
  await program.line(/ is back after /);
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  assertEquals(await numbersIn(file), upTo(6));
  assertEquals(await program.stop(), 0);
});

test("a stop gives back what waits, at once; a body of 20 MiB comes as it was put, and is removed when its task is done", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const settings = ",functions=copy note";
  const stopped = await writeWorker(
    ...[temp, "stopped", server, settings] as const,
    "spooler-task = name=note exec sleep 600",
  );
  const working = await writeWorker(
    ...[temp, "working", server, settings] as const,
    `spooler-task = name=note echo $SPOOL_N >> ${file}`,
    `spooler-task = name=copy cat > ${join(temp.path, "copy")}; echo 2 >> ${file}`,
  );
  await put(edge, numbered(2, "note"));
  await using one = await Program.start(["--ini", stopped]);
  await one.line(/ note \S+ started/);
  one.signal("SIGQUIT");
  await one.line(/stopped/);
  const body = join(temp.path, "body");
  const sent = new Uint8Array(20 * 1024 * 1024);
  for (let at = 0; at < sent.length; at += 65_536) {
    crypto.getRandomValues(sent.subarray(at, at + 65_536));
  }
  await Deno.writeFile(body, sent);
  const large = ["push", "--ini", edge, "--body-file", body, "ud_spool_func=copy"];
  assertEquals((await spooler(large)).code, 0);
  assertEquals((await spooler(["run-once", edge])).code, 0);
  await using two = await Program.start(["--ini", working]);
  await until(async () => (await numbersIn(file)).length >= 3, "all are done");
  assertEquals(await numbersIn(file), [0, 1, 2]);
  const came = await Deno.readFile(join(temp.path, "copy"));
  assert(came.length === sent.length && came.every((byte, i) => byte === sent[i]));
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  const shown = async () =>
    JSON.parse((await spooler(["stream", "show", server.address("jobs"), "--json"])).stdout);
  await until(async () => (await shown()).bodies.bytes < 1000, "its body is removed");
  assertEquals(await two.stop(), 0);
  assert((await shown()).tasks.messages === 0);
});

test("a stream that one reload takes out and the next brings back is worked through", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const gate = join(temp.path, "gate");
  const lines = [
    "spooler = spool",
    `spooler-task = name=note while [ ! -e ${gate} ]; do sleep 0.02; done; echo $SPOOL_N >> ${file}`,
  ];
  const ini = await writeWorker(temp, "worker", server, "", ...lines);
  const before = await Deno.readTextFile(ini);
  await put(edge, [{ ud_spool_func: "note", n: "0" }]);
  await using program = await Program.start(["--ini", ini]);
  await program.line(/ note \S+ started/);
  await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  await Deno.writeTextFile(ini, before);
  program.signal("SIGHUP");
  await program.line(/ ready$/, 3);
  await put(edge, [{ ud_spool_func: "note", n: "1" }]);
  await Deno.writeTextFile(gate, "");
  await until(async () => (await numbersIn(file)).length >= 2, "both are done");
  assertEquals(await numbersIn(file), [0, 1]);
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  assertEquals(await program.stop(), 0);
});

test("a stop during a long reload pulls nothing more, and waits for what still runs", async () => {
  await using site = await StreamSite.make();
  const { temp, server, edge, file } = site;
  const gate = join(temp.path, "gate");
  const settings = ",ack-wait=1";
  const held = await writeWorker(
    ...[temp, "held", server, settings] as const,
    `spooler-task = name=note while [ ! -e ${gate} ]; do sleep 0.02; done; echo $SPOOL_N >> ${file}`,
  );
  const other = await writeWorker(
    ...[temp, "other", server, settings] as const,
    `spooler-task = name=note echo $SPOOL_N >> ${file}`,
  );
  await put(edge, numbered(1, "note"));
  await using one = await Program.start(["--ini", held]);
  await one.line(/ note \S+ started/);
  one.signal("SIGHUP");
  await one.line(/ ready$/, 2);
  one.signal("SIGTERM");
  await one.line(/ stopping/);
  await put(edge, [{ ud_spool_func: "note", n: "1" }]);
  await using two = await Program.start(["--ini", other]);
  await until(
    async () => (await numbersIn(file)).length === 1,
    "the other program has the new one",
  );
  assertEquals(await numbersIn(file), [1]);
  await Deno.writeTextFile(gate, "");
  assertEquals(await one.ended(), 0);
  assertEquals(await numbersIn(file), [0, 1]);
  await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
  assertEquals(await two.stop(), 0);
});
