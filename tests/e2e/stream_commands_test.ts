/** The queue commands on a stream of a real nats-server. */

import { join } from "@std/path";
import { copyToFailed } from "../../src/cluster/records.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { NatsServer } from "../support/nats.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("nats", `${programLabel}: ${name}`, body);

/** The commands, for one stream. */
function commandsFor(server: NatsServer) {
  const dir = server.address("jobs");
  return {
    dir,
    run: (command: string, ...args: string[]) => spooler([command, "--dir", dir, ...args]),
    json: async (command: string, ...args: string[]) => {
      const { stdout } = await spooler([command, "--dir", dir, "--json", ...args]);
      return stdout.trim().split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line)
      );
    },
  };
}

test("tasks are pushed into a stream, listed, shown and removed by their numbers and ids", async () => {
  await using temp = await tempDir();
  await using server = await NatsServer.start("max_payload: 65536");
  await server.create("jobs");
  const { dir, run, json } = commandsFor(server);
  const lines = [
    { ud_spool_func: "mail", to: "a@example.org", spooler_id: "order-1", password: "hunter22x" },
    { ud_spool_func: "mail", to: "b@example.org", spooler_id: "order-1" },
    { ud_spool_func: "app.report", priority: "5", at: "2099-01-01T00:00:00" },
  ].map((line) => JSON.stringify(line)).join("\n");
  const pushed = await spooler(["push", "--dir", dir, "--lines", "-", "--json"], lines);
  assertEquals(pushed.code, 0, pushed.stderr);
  const [first, second, third] = pushed.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([first.name, first.id, first.existed], ["1", "order-1", false]);
  assertEquals([second.name, second.existed], ["1", true]);
  assertEquals([third.name, third.priority, third.function], ["2", "5", "app.report"]);
  const body = join(temp.path, "body");
  await Deno.writeFile(body, new Uint8Array(100_000).fill(66));
  assertEquals((await run("push", "ud_spool_func=large", "--body-file", body)).stdout, "3\n");

  const listed = await json("list");
  assertEquals(
    listed.map(({ name, state, function: func, priority }) => [name, state, func, priority]),
    [["1", "ready", "mail", null], ["2", "deferred", "app.report", "5"], [
      "3",
      "ready",
      "large",
      null,
    ]],
  );
  const deferred = await run("list", "--state", "deferred");
  assertMatch(deferred.stdout, /^STATE .* ID .*\ndeferred .* app\.report +2 /);
  assertMatch(deferred.stderr, /\/jobs: 1 deferred\n$/);
  assertEquals((await json("list", "--func", "mail")).length, 1);

  const words = await spooler(["complete", "--", "show", "--dir", dir, ""]);
  assertEquals(words.stdout, "1\n2\n3\n");

  const shown = await run("show", "order-1");
  assertMatch(shown.stdout, /^task +1\nstream +nats:.*\nsubject +jobs\.mail\nid +order-1\n/);
  assertMatch(shown.stdout, /to = a@example\.org/);
  assert(!shown.stdout.includes("hunter22x"), shown.stdout);
  const large = await json("show", "3");
  assertEquals(large[0].bodySize, 100_000);
  assertEquals((await run("show", "3", "--body")).stdout, "B".repeat(100_000));

  const removed = await run("remove", "3", "order-1", "77");
  assertEquals([removed.code, removed.stdout], [
    1,
    "3: removed, was ready\n1: removed, was ready\n",
  ]);
  assertMatch(removed.stderr, /^spooler: 77: no such task\n$/);
  assertEquals((await server.messages("jobs")).map(({ subject }) => subject), [
    "jobs.priority.app%2Ereport",
  ]);
  const waited = await run("wait", "2", "--timeout", "1s");
  assertEquals([waited.code, waited.stderr], [
    1,
    "spooler: 2: waiting\nspooler: 2: still not done\n",
  ]);
  const never = await run("wait", "99");
  assertMatch(never.stderr, /99: no such task: the stream never had it/);
});

test("a task that was given up runs again by retry, each time as a new one", async () => {
  await using server = await NatsServer.start();
  await server.create("jobs");
  const { run, json } = commandsFor(server);
  const giveUp = async (sequence: number) => {
    using link = await server.link("jobs");
    const failure = { reason: "exit code 3", attempt: 2, failedAt: Date.now(), attempts: null };
    await copyToFailed(link, sequence, failure);
    await link.manager.streams.deleteMessage("jobs", sequence);
    link.close();
    await link.ended();
  };
  await run("push", "ud_spool_func=f", "n=1", "spooler_id=once");
  await giveUp(1);
  const [failed] = await json("list");
  assertEquals([failed.name, failed.state, failed.failures, failed.lastError], [
    ...["failed/1", "failed", 2, "exit code 3"],
  ]);
  assertMatch((await run("show", "failed/1")).stdout, /state +failed at .*: exit code 3\n/);
  const ended = await json("wait", "1");
  assertEquals([ended[0].result, ended[0].reason], ["failed", "exit code 3"]);

  assertEquals((await run("retry", "failed/1")).stdout, "failed/1: retried, had failed\n");
  assertEquals((await server.messages("jobs")).map(({ id }) => id), ["once~1"]);
  await giveUp(2);
  assertEquals((await run("retry", "--all", "--func", "g")).stdout, "");
  assertEquals((await run("retry", "--all", "--func", "f")).code, 0);
  const [again] = await server.messages("jobs");
  assertEquals([again?.id, again?.subject], ["once~2", "jobs.f"]);
  assertEquals((await server.messages("jobs_failed")).length, 0);
  const waiting = await run("retry", "once~2");
  assertEquals(waiting.code, 1);
  assertMatch(waiting.stderr, /3: not changed: it is in the stream, and NATS gives it out/);
});

test("what a stream cannot do is said before anything is done", async () => {
  await using server = await NatsServer.start();
  const { dir, run } = commandsFor(server);
  const missing = await run("list");
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /there is no stream jobs; make it by spooler stream create nats:/);
  const cases: (readonly [RegExp, ...string[]])[] = [
    [/list --state done needs a spool/, "list", "--state", "done"],
    [/has no --after/, "push", "a=b", "--after", "x"],
    [/has no --unique: spooler_id=ID/, "push", "a=b", "--unique", "x"],
    [/a stream takes keys only/, "push", "--", "make"],
    [/--create together with --dir DIR only/, "push", "a=b", "--create"],
    [/kill takes no stream of NATS/, "kill", "1"],
    [/log takes no stream of NATS/, "log", "1"],
    [/is NUMBER, failed\/NUMBER or its id/, "remove", "failed/x"],
  ];
  for (const [reason, command = "", ...args] of cases) {
    const at = args.indexOf("--");
    const where = ["--dir", dir];
    const all = at < 0 ? [...args, ...where] : args.toSpliced(at, 0, ...where);
    const { code, stderr } = await spooler([command, ...all]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, reason);
  }
  const sent = await spooler(["push", "--to", dir, "a=b"]);
  assertMatch(sent.stderr, /takes a stream of NATS as --dir nats:/);
});

test("pause stops all workers of a stream, and status shows them", async () => {
  await using temp = await tempDir();
  await using server = await NatsServer.start();
  await server.create("jobs");
  const { dir, run, json } = commandsFor(server);
  const ini = join(temp.path, "site.ini");
  const file = join(temp.path, "go");
  await Deno.writeTextFile(
    ini,
    [
      "[uwsgi]",
      `spooler-stream = ${dir},processes=2,retries=1,ack-wait=2`,
      "spooler-retry-delay = 0.1",
      "spooler-task = name=ok true",
      "spooler-task = name=fail exit 3",
      `spooler-task = name=slow while [ ! -e ${file} ]; do sleep 0.05; done`,
      "",
    ].join("\n"),
  );
  const none = await run("status", "--check");
  assertEquals([none.code, none.stdout], [1, "no program that works through it answers\n"]);
  await using program = await Program.start(["--ini", ini]);
  await until(async () => (await run("status", "--check")).code === 0, "the worker answers");
  const failed = await run("push", "ud_spool_func=fail", "--wait");
  assertEquals([failed.code, failed.stdout], [3, "1\n"]);
  assertMatch(failed.stderr, /1: failed: exit code 3/);
  assertEquals((await run("push", "ud_spool_func=ok", "--wait")).code, 0);
  await run("push", "ud_spool_func=slow");
  const held = async () => (await json("list", "--state", "running")).map(({ name }) => name);
  await until(async () => (await held()).join() === "3", "the worker has it");
  assertMatch((await run("show", "3")).stdout, new RegExp(`worker +\\S+, pid ${program.pid}`));
  assertMatch((await run("remove", "3")).stderr, /3: is running: not changed/);

  assertMatch((await run("pause")).stdout, /\/jobs: paused\n$/);
  assertMatch((await run("pause")).stdout, /was paused already, since/);
  await program.line(/jobs: paused/);
  await Deno.writeTextFile(file, "");
  await run("push", "ud_spool_func=ok");
  assertEquals((await run("wait", "3")).code, 0);
  const [{ counts, workers, pausedSince }] = await json("status");
  assertEquals([counts.tasks, counts.failed, workers[0].pid], [1, 1, program.pid]);
  assertEquals([workers[0].paused, typeof pausedSince], [true, "string"]);
  const text = await run("status");
  assertMatch(text.stdout, /TASKS .*\n1 .* paused since /);
  assertMatch((await run("list")).stderr, /paused since .*: nothing is started/);

  // A program that starts meanwhile does not begin, either.
  await program.stop();
  await using other = await Program.start(["--ini", ini]);
  await other.line(/jobs: paused/);
  assert(!other.log.includes(" ok "), other.log);
  assertMatch((await run("resume")).stdout, /: resumed\n$/);
  assertEquals((await run("wait", "4")).code, 0);
  assertEquals((await run("resume")).stdout, `${dir}: was not paused\n`);
  assertEquals(await other.stop(), 0);
});
