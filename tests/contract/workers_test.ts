/** What holds for handlers that live in worker processes. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { namesIn, platform } from "../support/platform.ts";
import { executable } from "../support/program.ts";
import { until } from "../support/until.ts";
import { contract, ContractSite, inWorkers } from "./site.ts";

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and that nobody has waited for is as good as gone.
    return !/\) Z /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** Somebody runs it. */
function isLocked(path: string): boolean {
  const look = platform.claims.peek(path);
  if (look.kind !== "open") return false;
  look.close();
  return look.locked;
}

contract("a worker runs one task after the other, until spooler-max-tasks", async (kind) => {
  await using site = await ContractSite.make(kind, "spooler-max-tasks = 2");
  await using _program = await site.start();
  for (let i = 0; i < 5; i++) await site.task("process_id");
  const [a, b, c, d, e] = await site.untilTold(5);
  assertEquals([a === b, b === c, c === d, d === e], [true, false, true, false]);
}, inWorkers);

contract(
  "with spooler-cheap an idle worker goes, and one comes when it is needed",
  async (kind) => {
    await using site = await ContractSite.make(kind, "spooler-cheap = true");
    await using program = await site.start();
    await site.task("process_id");
    const [first] = await site.untilTold(1);
    await until(() => !isAlive(Number(first)), "the worker is gone");
    await site.task("process_id");
    const [, second] = await site.untilTold(2);
    assert(first !== second);
    assertEquals(await program.stop(), 0);
  },
  inWorkers,
);

contract("out of memory is a failure of that task alone", async (kind) => {
  await using site = await ContractSite.make(
    kind,
    "env = DENO_V8_FLAGS=--max-old-space-size=64",
  );
  await using program = await site.start();
  await site.task("allocating");
  await site.task("tell");
  await program.line(/allocating \S+ deferred until/);
  await program.line(/tell \S+ done/);
  // The executable minds no DENO_V8_FLAGS, and to fill the engine's own limit takes gigabytes.
}, (kind) => inWorkers(kind) && (kind.name === "Python" || executable === undefined));

contract("a task that ends its worker with exit code 0 has failed", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await site.task("exiting");
  await program.line(/exiting \S+ deferred until .*the worker ended with exit code 0/);
  await site.task("tell");
  await program.line(/tell \S+ done/);
  assert(site.has(name));
}, inWorkers);

contract("a task that closes its descriptors is done, and so is the next", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  await site.task("closing");
  await program.line(/closing \S+ done/);
  await site.task("tell");
  await program.line(/tell \S+ done/);
}, inWorkers);

contract("what a task left running ends with its worker", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  await site.task("leaving");
  const [pid] = await site.untilTold(1);
  assert(isAlive(Number(pid)));
  assertEquals(await program.stop(), 0);
  await until(() => !isAlive(Number(pid)), "what was left is gone");
}, inWorkers);

contract("a worker that minds no SIGTERM ends with the program", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  await site.task("stubborn");
  await site.task("process_id");
  const [, pid] = await site.untilTold(2);
  assertEquals(await program.stop(), 0);
  assert(!isAlive(Number(pid)));
}, inWorkers);

for (const func of ["silent", "looping"]) {
  contract(`workers end when the program is killed while a task is ${func}`, async (kind) => {
    await using site = await ContractSite.make(kind);
    const program = await site.start();
    await site.task("process_id");
    const [pid] = await site.untilTold(1);
    const name = await site.task(func);
    const claimed = () => func === "silent" || isLocked(join(site.spool, name));
    await until(claimed, "the task runs");
    await program.kill();
    await until(() => !isAlive(Number(pid)), "the worker is gone");
  }, inWorkers);
}

contract("what is no function takes no task", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  const name = await site.task("beaten");
  await program.line(/beaten \S+ postponed until .*no handler for "beaten"/);
  assert(site.has(name));
}, inWorkers);

contract(
  "a module that cannot be loaded is reported once, and again when it is mended",
  async (kind) => {
    const [[file, good] = ["", ""]] = Object.entries(kind.files);
    await using site = await ContractSite.make(
      kind,
      "spooler-task = name=other echo other >> told",
    );
    await site.write(file, `${good}\nthis is ( no code\n`);
    const name = await site.task("tell");
    await using program = await site.start();
    await program.line(new RegExp(`${file}.*; tried again in 1\\.0 s`));
    // The rest goes on.
    await site.task("other");
    await site.untilTold(1);
    // Whole at once: the half of it that a worker read might be a module, too.
    await site.write("mended", good);
    await Deno.rename(join(site.dir, "mended"), join(site.dir, file));
    await program.line(/ loaded \(/);
    await site.untilGone(name);
    assertEquals(site.told(), ["other", "tell red 1"]);
  },
  inWorkers,
);

contract(
  "a module that ends its process while it loads is reported, and loaded in one process first",
  async (kind) => {
    const [[file] = [""]] = Object.entries(kind.files);
    await using site = await ContractSite.make(kind, "spooler-processes = 3");
    const loads = join(site.dir, "loads");
    const path = JSON.stringify(loads);
    const exit = file.endsWith(".py")
      ? `import os; print("loading", file=open(${path}, "a"), flush=True); os._exit(4)`
      : `Deno.writeTextFileSync(${path}, "loading\\n", { append: true }); Deno.exit(4);`;
    await site.write(file, exit);
    await using program = await site.start();
    const line = await program.line(/cannot be loaded/);
    assertMatch(line, /the worker ended with exit code 4; tried again/);
    assertEquals(Deno.readTextFileSync(loads), "loading\n");
    assertEquals(await program.stop(), 0);
    assertEquals(program.log.match(/cannot be loaded/g)?.length, 1);
    assert(!program.log.includes("stopped: "), program.log);
  },
  inWorkers,
);

contract("all workers are there when the first has loaded", async (kind) => {
  await using site = await ContractSite.make(kind, "spooler-processes = 3");
  await using program = await site.start();
  await program.line(/ loaded \(/);
  for (let i = 0; i < 3; i++) await site.task("waiting");
  assertEquals(await site.untilTold(3), ["waiting", "waiting", "waiting"]);
  await site.write("go", "");
  await site.untilTold(6);
}, inWorkers);

contract("a touched file means fresh workers; the task that runs is not lost", async (kind) => {
  await using site = await ContractSite.make(kind, "touch-spoolers-reload = touched");
  await site.write("touched", "");
  await using program = await site.start();
  await site.task("process_id");
  const running = await site.task("waiting");
  await site.untilTold(2);
  await Deno.utime(join(site.dir, "touched"), 1, 1);
  await program.line(/fresh workers \(.*touched\)/);
  await site.write("go", "");
  await site.untilGone(running);
  await site.task("process_id");
  const [first, , went, second] = await site.untilTold(4);
  assertEquals(went, "went");
  assert(first !== second);
  assert(!site.has(`.spooler/attempts/${running}.json`));
}, inWorkers);

contract("SIGHUP means fresh workers", async (kind) => {
  await using site = await ContractSite.make(kind);
  await using program = await site.start();
  await site.task("process_id");
  const [first] = await site.untilTold(1);
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  await site.task("process_id");
  const [, second] = await site.untilTold(2);
  assert(first !== second);
  assertEquals(await program.stop(), 0);
}, inWorkers);

contract("a sparse file of 100 GB fails, and costs neither memory nor time", async (kind) => {
  await using site = await ContractSite.make(kind);
  const name = await site.task("tell");
  new Deno.Command("truncate", { args: ["-s", "100G", join(site.spool, name)] }).outputSync();
  await using program = await site.start();
  await until(async () => (await namesIn(join(site.spool, "failed"))).includes(name), "it stays");
  await site.task("tell");
  await site.untilTold(1);
  const record = await Deno.readTextFile(join(site.spool, "failed", `${name}.json`));
  assertMatch(record, /it has 107374182400 bytes, and task code gets 1073741824 at most/);
  assertEquals(await program.stop(), 0);
}, inWorkers);
