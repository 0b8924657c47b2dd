import type { Exit, ShellCommand } from "../../src/exec/process.ts";
import type { Event } from "../../src/report/event.ts";
import { type JobWorld, runJob } from "../../src/schedule/job_run.ts";
import { REPLACED } from "../../src/schedule/runs.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { jobOf, jobsOf } from "../support/jobs.ts";

const SLOT = Date.UTC(2026, 10, 23, 9, 30);
const code = (code: number): Exit => ({ kind: "code", code });

/** A world whose commands end as scripted, one after the other. */
function makeWorld(exits: Exit[], lines = 0, dropped = 0) {
  const clock = new FakeClock(SLOT);
  const commands: ShellCommand[] = [];
  const events: Event[] = [];
  const tasks: (readonly (readonly [string, string])[])[] = [];
  const stopping = new AbortController();
  const abort = new AbortController();
  const world: JobWorld = {
    clock,
    random: () => 0.5,
    emit: (event) => events.push(event),
    cwd: "/srv",
    env: { FROM_INI: "yes" },
    binsh: "/bin/bash",
    shell: (command) => {
      commands.push(command);
      command.started?.(4711);
      for (let i = 0; i < lines; i++) command.output("stdout", "y");
      if (dropped > 0) command.dropped(dropped);
      return Promise.resolve({ exit: exits.shift() ?? code(0), stderr: "the last words" });
    },
    accounts: new Map(),
    signals: {
      has: () => true,
      raise: (_signal, _owner, { begun }) => {
        begun();
        return Promise.resolve();
      },
    },
    stopping: stopping.signal,
    put: (vars, accepted) => {
      tasks.push(vars);
      accepted("task-1");
      return Promise.resolve("task-1");
    },
  };
  const run = (line: string) => runJob(jobOf(line), SLOT, world, abort.signal);
  const types = () => events.map(({ type }) => type);
  return { clock, commands, events, types, tasks, stopping, abort, world, run };
}

/** Lets everything that waits for a promise, but not for the clock, go on. */
const settled = () => new Promise((turn) => setTimeout(turn));

Deno.test("a command finds its job, its slot and the ini's variables in its environment", async () => {
  const { commands, types, run } = makeWorld([]);
  const ended = await run("cron2 = name=beat,harakiri=30 ./beat");
  assertEquals(ended, { ok: true, result: "exit code 0" });
  assertEquals(commands[0]?.env, {
    FROM_INI: "yes",
    SPOOLER_JOB: "beat",
    SPOOLER_SLOT: "2026-11-23T09:30:00.000Z",
    SPOOLER_ATTEMPT: "1",
  });
  assertEquals([commands[0]?.harakiriMs, commands[0]?.cwd], [30_000, "/srv"]);
  assertEquals(types(), ["job.started", "job.ended"]);
});

Deno.test("retries run a failing command again, with growing waits, until one succeeds", async () => {
  const { clock, commands, events, run } = makeWorld([code(1), code(2), code(0)]);
  const ending = run("cron2 = name=job,retries=5 x");
  await settled();
  clock.advance(10_000);
  await settled();
  clock.advance(20_000);
  assertEquals(await ending, { ok: true, result: "exit code 0" });
  assertEquals(commands.map(({ env }) => env.SPOOLER_ATTEMPT), ["1", "2", "3"]);
  const waits = events.flatMap((event) => event.type === "job.retrying" ? [event.delayMs] : []);
  assertEquals(waits, [10_000, 20_000]);
});

Deno.test("on-failure runs once, when nothing more is tried, with what is known", async () => {
  const { clock, commands, run } = makeWorld([code(1), code(3), code(7)]);
  const ending = run('cron2 = name=job,retries=1,on-failure="mail root" x');
  await settled();
  clock.advance(10_000);
  assertEquals((await ending).ok, false);
  assertEquals(commands.map(({ command }) => command), ["x", "x", "mail root"]);
  const [, , told] = commands;
  assertEquals([told?.env.SPOOLER_RESULT, told?.env.SPOOLER_ATTEMPT], ["exit code 3", "2"]);
  const stdin = (await Array.fromAsync(told?.stdin ?? [])).map((bytes) =>
    new TextDecoder().decode(bytes)
  ).join("");
  assertEquals(stdin, "the last words");
});

Deno.test("a stop does not wait for a retry", async () => {
  const { stopping, commands, run } = makeWorld([code(1)]);
  const ending = run('cron2 = retries=5,on-failure="y" x');
  await settled();
  stopping.abort();
  assertEquals(await ending, { ok: false, result: "exit code 1" });
  assertEquals(commands.length, 1);
});

Deno.test("a run that was broken off is neither retried nor reported as a failure", async () => {
  const { abort, commands, run } = makeWorld([{ kind: "aborted" }]);
  abort.abort(REPLACED);
  assertEquals(await run('cron2 = retries=5,on-failure="y" x'), { ok: false, result: REPLACED });
  assertEquals(commands.length, 1);
});

Deno.test("a flood reaches the log in part, and its rest is counted", async () => {
  const { events, types, run } = makeWorld([], 7, 500);
  await run("timer2 = every=1s,name=flood yes");
  assertEquals(types().filter((type) => type === "job.output").length, 7);
  const floods = events.flatMap((event) => event.type === "job.flooded" ? [event] : []);
  assertEquals(floods.map(({ job, lines }) => [job, lines]), [["flood", 500]]);
});

Deno.test("a job with an account has its home and its ids", async () => {
  const { world, abort, commands } = makeWorld([]);
  const job = jobOf("cron2 = user=www,chdir=~ x");
  const account = {
    name: "www",
    uid: 33,
    gid: 34,
    home: "/var/www",
    directory: "/",
    shell: "/bin/sh",
    groups: [34, 44],
  };
  await runJob(job, SLOT, { ...world, accounts: new Map([[job, account]]) }, abort.signal);
  const [command] = commands;
  assertEquals([command?.account?.uid, command?.account?.gid], [33, 34]);
  assertEquals([command?.account?.groups, command?.binsh], [[34, 44], "/bin/bash"]);
  assertEquals(command?.cwd, "/");
  assertEquals([command?.env.HOME, command?.env.LOGNAME], ["/var/www", "www"]);
});

Deno.test("a job with spool= puts a task that knows its job and slot", async () => {
  const { tasks, types, run } = makeWorld([]);
  const ended = await run('cron2 = hour=3,minute=0,spool=cleanup,name=nightly keep=7 who="a b"');
  assertEquals(ended, { ok: true, result: "task task-1" });
  assertEquals(tasks, [[
    ["ud_spool_func", "cleanup"],
    ["keep", "7"],
    ["who", "a b"],
    ["spooler_job", "nightly"],
    ["spooler_slot", "2026-11-23T09:30:00.000Z"],
  ]]);
  assertEquals(types(), ["job.enqueued"]);
});

Deno.test("a task that cannot be put is a failed run, not the end of the program", async () => {
  const { world, abort } = makeWorld([]);
  const full = { ...world, put: () => Promise.reject(new Error("no room")) };
  const ended = await runJob(jobOf("cron2 = spool=f a=b"), SLOT, full, abort.signal);
  assertEquals(ended.result, "could not put its task into the spool: no room");
});

Deno.test("a timer of a signal raises it, and says how its handler ended", async () => {
  const { world, abort, run } = makeWorld([]);
  assertEquals(await run("timer = 3 1"), { ok: true, result: "handled" });
  const failing = { has: () => true, raise: () => Promise.reject(new Error("boom")) };
  const ended = await runJob(
    jobOf("timer = 3 1"),
    SLOT,
    { ...world, signals: failing },
    abort.signal,
  );
  assertEquals(ended, { ok: false, result: "could not handle its signal: boom" });
});

Deno.test("on-failure= runs for a handler that throws, too", async () => {
  const { world, abort, commands } = makeWorld([]);
  const signals = { has: () => true, raise: () => Promise.reject(new Error("no database")) };
  const [job] = jobsOf("timer = 17 5", "cron-on-failure = ./alarm");
  assert(job !== undefined);
  const { ok } = await runJob(job, SLOT, { ...world, signals }, abort.signal);
  assertEquals(ok, false);
  assertEquals(commands.map(({ command }) => command), ["./alarm"]);
  assertStringIncludes(String(commands[0]?.env.SPOOLER_RESULT), "no database");
});
