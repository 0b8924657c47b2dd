/** What becomes of a task, whatever runs it. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { renameBytes } from "../support/platform.ts";
import type { Program } from "../support/program.ts";
import { until } from "../support/until.ts";
import { contract, ContractSite, does } from "./site.ts";

/** A failed task stays as it is for as long as a test reads it. */
const NO_RETRY = "spooler-retry-delay = 3600";
const RETRIES_AT_ONCE = "spooler-retry-delay = 0.05";

contract("a task arrives with its vars and its body, is done and gone", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const body = Uint8Array.of(0, 10, 255, 200);
  const name = await site.task("tell", body);
  await program.line(/tell \S+ done/);
  assertEquals(site.told(), ["tell red 1 0 10 255 200"]);
  assert(!site.has(name));
  assertEquals(await program.stop(), 0);
});

contract("a task that asks for it runs again, and that is no failure", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await site.task("retry");
  // What a peer refuses for now is no matter of the one task: all that are for it wait.
  await program.line(/retry \S+ deferred until|is down: .*; its tasks wait$/);
  assert(!site.has(`.spooler/attempts/${name}.json`));
  await program.line(/retry \S+ done/);
  assertEquals(site.told(), ["again"]);
});

contract("an ignored task goes to the next handler", async (kind) => {
  await using site = await ContractSite.make(
    kind,
    "spooler-task = echo next $SPOOLER_FUNC >> told",
  );
  await using program = await site.start();
  const name = await site.task("ignored");
  await site.untilGone(name);
  assertEquals(site.told(), ["next ignored"]);
  assertEquals(await program.stop(), 0);
}, does("ignored"));

contract("an ignored task that nobody takes stays, and says so", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await site.task("ignored");
  await program.line(/ignored \S+ postponed until .*: every handler for "ignored" ignored it/);
  assert(site.has(name));
}, does("ignored"));

contract("a failing task runs again later, and its failures are remembered", async (kind) => {
  await using site = await ContractSite.make(kind, "spooler-max-retries = 1", NO_RETRY);
  await using program = await site.start();
  const name = await site.task("failing");
  await program.line(/failing \S+ deferred until/);
  const record = site.readJson(`.spooler/attempts/${name}.json`);
  assertEquals(record.failures, 1);
  assertMatch(JSON.stringify(record), /the reason/);
  // Its time comes.
  await Deno.utime(join(site.spool, name), 1, 1);
  await program.line(/failing \S+ given up, kept in failed/);
  assertEquals(site.told(), ["failing", "failing"]);
  assert(site.has(`failed/${name}`) && !site.has(name));
  assertMatch(JSON.stringify(site.readJson(`failed/${name}.json`)), /the reason/);
});

contract("what a failing task printed is logged and kept", async (kind) => {
  await using site = await ContractSite.make(kind, NO_RETRY);
  await using program = await site.start();
  const name = await site.task("failing");
  await program.line(/failing! .*the reason/);
  await program.line(/failing \S+ deferred until/);
  assertMatch(String(site.readJson(`.spooler/attempts/${name}.json`).stderr), /the reason/);
}, does("printing"));

contract("every failure of a task is counted", async (kind) => {
  await using site = await ContractSite.make(kind, "spooler-max-retries = 4", RETRIES_AT_ONCE);
  await using program = await site.start();
  await site.task("failing");
  await program.line(/failing \S+ given up, kept in failed/);
  for (const n of [2, 3, 4, 5]) {
    await program.line(new RegExp(`failing \\S+ started from spool, attempt ${n}$`));
  }
  assertEquals(site.told(), Array(5).fill("failing"));
}, does("printing"));

contract("a handler knows which attempt it is", async (kind) => {
  await using site = await ContractSite.make(kind, "spooler-max-retries = 4", RETRIES_AT_ONCE);
  await using program = await site.start();
  await site.task("attempt");
  await program.line(/attempt \S+ given up, kept in failed/);
  assertEquals(site.told(), [1, 2, 3, 4, 5].map((n) => `attempt ${n}`));
}, does("attempt"));

contract("a permanent failure is not tried again", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await site.task("permanent");
  await program.line(/permanent \S+ given up, kept in failed/);
  assert(site.has(`failed/${name}`) && !site.has(name));
}, does("permanent"));

for (const func of ["sleeping", "looping"]) {
  contract(`harakiri ends a task that is ${func}, which has failed; others go on`, async (kind) => {
    await using site = await ContractSite.make(kind, "spooler-harakiri = 1", NO_RETRY);
    await using program = await site.start();
    const name = await site.task(func);
    await site.task("tell");
    await program.line(new RegExp(`${func} \\S+ deferred until .*harakiri after 1 s`));
    await program.line(/tell \S+ done/);
    assert(site.has(name));
    assertEquals(site.readJson(`.spooler/attempts/${name}.json`).failures, 1);
  }, does(func));
}

contract(
  "a task that takes its handler down has failed; those behind it have not",
  async (kind) => {
    await using site = await ContractSite.make(kind, NO_RETRY);
    // All are there before the start, so that one worker, or one connection, has them all.
    const before = await site.task("tell");
    const name = await site.task("crashing");
    const after = await Promise.all(Array.from({ length: 5 }, () => site.task("tell")));
    await using program = await site.start();
    await program.line(/crashing \S+ deferred until .*(killed by SIGKILL|the connection broke)/);
    for (const each of [before, ...after]) await site.untilGone(each);
    assertEquals(site.readJson(`.spooler/attempts/${name}.json`).failures, 1);
    for (const each of after) assert(!site.has(`.spooler/attempts/${each}.json`));
    assertEquals(site.told().length, 6);
  },
);

contract("what a task prints is logged with its name", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  await site.task("printing");
  await program.line(/ printing\| to stdout$/);
  await program.line(/ printing! to stderr$/);
}, does("printing"));

contract("a flood of output ends with its task, and fills no memory", async (kind) => {
  await using site = await ContractSite.make(kind, "spooler-harakiri = 2");
  await using program = await site.start();
  await site.task("flooding");
  await program.line(/flooding \S+ deferred until .*harakiri/);
  const status = Deno.readTextFileSync(`/proc/${program.pid}/status`);
  const peakMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  // The flood alone is some hundred MiB in that time.
  assert(peakMiB < 400, `${peakMiB} MiB`);
}, does("flooding"));

contract(
  "tasks run in spooler-chdir, with the variables of env, as the ini is now",
  async (kind) => {
    await using site = await ContractSite.make(kind, "spooler-chdir = sub", "env = FLAVOUR=lemon");
    await Deno.mkdir(join(site.dir, "sub"));
    await Deno.mkdir(join(site.dir, "other"));
    await using program = await site.start();
    await site.task("place");
    assertEquals(await site.untilTold(1), ["sub lemon"]);
    await site.rewriteIni("spooler-chdir = other", "env = FLAVOUR=lime");
    program.signal("SIGHUP");
    await program.line(/ ready$/, 2);
    await site.task("place");
    await until(() => site.told()[0] === "other lime", "the task ran with the new settings");
    assertEquals(await program.stop(), 0);
  },
  does("place"),
);

contract("a task whose name is no UTF-8 is a task like any other", async (kind) => {
  await using site = await ContractSite.make(kind);
  const strange = `${TASK_PREFIX}\udcff\udc80`;
  for (const func of ["tell", "failing"]) {
    const name = await site.task(func);
    const from = join(site.spool, name);
    renameBytes(from, join(site.spool, strange + func));
  }
  await using program = await site.start();
  await program.line(/tell \S+ done/);
  await program.line(/failing \S+ deferred until/);
  assert(site.told().includes("tell red 1"));
  assertEquals(await program.stop(), 0);
});

/** Begins a task that waits for `go`, and asks for a stop; returns the name of the task. */
async function stopDuringTask(site: ContractSite, program: Program): Promise<string> {
  const name = await site.task("waiting");
  await site.untilTold(1);
  program.signal("SIGTERM");
  await program.line(/stopping \(SIGTERM\): waiting for 1 running/);
  return name;
}

contract("a stop waits for the task that runs", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await stopDuringTask(site, program);
  await site.write("go", "");
  assertEquals(await program.ended(), 0);
  assertEquals(site.told(), ["waiting", "went"]);
  assert(!site.has(name));
});

contract("a second signal breaks the task off, which stays ready", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await stopDuringTask(site, program);
  // What comes within half a second is the same wish; so it is said until it is heard.
  assertEquals(await program.insist("SIGTERM"), 0);
  assert(site.has(name));
  assert(!site.has(`.spooler/attempts/${name}.json`));
});

contract("a task that runs at a reload goes on", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await site.task("waiting");
  await site.untilTold(1);
  program.signal("SIGHUP");
  await program.line(/reloading \(SIGHUP\): 1 running under the old configuration/);
  await program.line(/ ready$/, 2);
  assertEquals(site.told(), ["waiting"]);
  await site.write("go", "");
  await site.untilGone(name);
  assertEquals(site.told(), ["waiting", "went"]);
  assertEquals(await program.stop(), 0);
});

contract("after a reload tasks run as the changed ini says", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  await site.task("tell");
  await site.untilTold(1);
  await site.moveTo("other");
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  await site.task("tell");
  assertEquals(await site.untilTold(1), ["tell red 1"]);
  assertEquals(await program.stop(), 0);
});
