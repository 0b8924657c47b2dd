import { join } from "@std/path";
import { Inspector } from "../../src/spool/inspect.ts";
import type { Filter, Inspected } from "../../src/spool/inspected.ts";
import { findText } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { claimNow, openStore, varsOf } from "../support/store.ts";
import { holdTask, writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const NAME = "uwsgi_spoolfile_on_web1_12_3_99_1795420655_123500";
const MADE_AT = 1_795_420_655_123.5;
const hello = { vars: varsOf({ ud_spool_func: "hello" }) };

function inspectorOf(dir: string, clock = new FakeClock()): Inspector {
  return new Inspector({ dir, clock, ...platform });
}

function inspectAll(inspector: Inspector, filter: Filter = {}): Inspected[] {
  return [...inspector.list(filter)].flat()
    .map((task) => inspector.inspect(task))
    .filter((task) => task !== null);
}

async function names(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).toSorted();
}

const queued = (
  priority: string | null = null,
) => ({ name: NAME, priority, place: "queue" } as const);

Deno.test("a ready task is shown with its function, its sizes and its age", async () => {
  await using temp = await tempDir();
  const body = new TextEncoder().encode("the body");
  await writeTask(temp.path, NAME, { ud_spool_func: "hello", to: "a" }, { body, mtime: 5 });
  const task = inspectorOf(temp.path).inspect(queued());
  assert(task?.content.kind === "task");
  assertEquals(task.state, { kind: "ready", dueAt: 5000 });
  assertEquals(findText(task.content.vars, "ud_spool_func"), "hello");
  assertEquals([task.content.bodySize, task.madeAt, task.attempts], [8, MADE_AT, null]);
});

Deno.test("a task whose mtime is to come is deferred", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const at = clock.now() + 60_000;
  await writeTask(join(temp.path, "7"), NAME, {}, { mtime: at / 1000 });
  assertEquals(inspectorOf(temp.path, clock).inspect(queued("7"))?.state, {
    kind: "deferred",
    dueAt: at,
  });
});

testWith(
  "libc",
  "a task that another process has locked is running, and stays locked",
  async () => {
    await using temp = await tempDir();
    const path = await writeTask(temp.path, NAME, { ud_spool_func: "hello" });
    await using _holder = await holdTask(path);
    const inspector = inspectorOf(temp.path);
    assertEquals(inspector.inspect(queued())?.state, { kind: "running" });
    assertEquals(inspector.inspect(queued())?.state, { kind: "running" });
    assertEquals(platform.claims.claim(path, Infinity).kind, "busy");
  },
);

testWith(
  "libc",
  "inspecting a task that this process has claimed does not lose its lock",
  async () => {
    await using temp = await tempDir();
    const store = await openStore(temp.path);
    const ref = await store.put(hello);
    const task = claimNow(store, ref);
    const placed = { ...ref, place: "queue" } as const;
    assertEquals(inspectorOf(temp.path).inspect(placed)?.state, { kind: "running" });
    const code = `import { loadLibc } from "${new URL(
      "../../src/platform/libc.ts",
      import.meta.url,
    )}";
    const libc = loadLibc();
    if (!("unavailable" in libc)) console.log(libc.isLocked(libc.openToRead(-100, Deno.args[0] ?? "")));`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--ext=ts", code, task.path],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "true\n");
    task.release();
    const later = new FakeClock(Date.now() + 60_000);
    assertEquals(inspectorOf(temp.path, later).inspect(placed)?.state.kind, "ready");
  },
);

Deno.test("an inspection is no event for those who watch the directory", async () => {
  await using temp = await tempDir();
  const path = await writeTask(temp.path, NAME, { ud_spool_func: "hello" });
  const before = await Deno.stat(path);
  const events: string[] = [];
  {
    using watcher = Deno.watchFs(temp.path);
    inspectorOf(temp.path).inspect(queued());
    await Deno.writeTextFile(join(temp.path, "end"), "");
    for await (const { kind, paths } of watcher) {
      events.push(...paths.map((path) => `${kind} ${path}`));
      if (paths.some((path) => path.endsWith("/end"))) break;
    }
  }
  const changes = events.filter((event) => event.includes(NAME) && !event.startsWith("access"));
  assertEquals(changes, []);
  assertEquals((await Deno.stat(path)).mtime, before.mtime);
});

Deno.test("a failed task is shown with its record, and the record is no task", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const ref = await store.put({ ...hello, priority: 3 });
  const attempts = {
    failures: 2,
    firstFailureAt: 1,
    lastFailureAt: 2,
    reason: "exit code 1",
    stderr: "oh",
  };
  store.fail(claimNow(store, ref), "exit code 65", attempts);
  const [task, ...rest] = inspectAll(inspectorOf(temp.path));
  assertEquals(rest, []);
  assert(task?.state.kind === "failed");
  assertEquals([task.priority, task.state.record?.reason], ["3", "exit code 65"]);
  assertEquals(task.attempts, attempts);
});

Deno.test("a task whose own name ends in .json is one when it has a record of its own", async () => {
  await using temp = await tempDir();
  const failed = join(temp.path, "failed");
  await writeTask(failed, `${NAME}.json`, {});
  const inspector = inspectorOf(temp.path);
  assertEquals(inspectAll(inspector), []);
  await Deno.writeTextFile(join(failed, `${NAME}.json.json`), '{"reason":"x","failedAt":1}');
  assertEquals(inspectAll(inspector).map(({ name }) => name), [`${NAME}.json`]);
});

Deno.test("records that make no sense are ignored", async () => {
  await using temp = await tempDir();
  await writeTask(join(temp.path, "failed"), NAME, {});
  const inspector = inspectorOf(temp.path);
  for (const text of ["", "null", "[]", '{"reason":1}', '{"reason":"x","failedAt":1']) {
    await Deno.writeTextFile(join(temp.path, "failed", `${NAME}.json`), text);
    assertEquals(inspectAll(inspector).map(({ state }) => state), [{
      kind: "failed",
      record: null,
    }]);
  }
});

for (
  const [what, bytes, reason] of [
    ["nothing in it", [], "has 0 bytes"],
    ["another modifier", [9, 0, 0, 0], "modifier1 is 9"],
    ["a cut packet", [17, 9, 0, 0, 1], "its header says 13"],
    ["a length that overruns", [17, 2, 0, 0, 5, 0], "says 5 bytes"],
  ] as const
) {
  Deno.test(`a file with ${what} is shown as unreadable, with the reason`, async () => {
    await using temp = await tempDir();
    await Deno.writeFile(join(temp.path, NAME), Uint8Array.from(bytes));
    const [task] = inspectAll(inspectorOf(temp.path));
    assert(task?.content.kind === "unreadable" && task.content.reason.includes(reason));
  });
}

Deno.test("keys that fill a packet are read whole", async () => {
  await using temp = await tempDir();
  await writeTask(temp.path, NAME, { big: "x".repeat(60_000), ud_spool_func: "hello" });
  const [task] = inspectAll(inspectorOf(temp.path));
  assert(task?.content.kind === "task");
  assertEquals(findText(task.content.vars, "ud_spool_func"), "hello");
});

Deno.test("directories, symlinks and foreign files are no tasks; nothing is a spool, too", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(join(temp.path, NAME));
  await Deno.symlink("/etc/passwd", join(temp.path, `${NAME}2`));
  await Deno.writeTextFile(join(temp.path, "README"), "");
  assertEquals(inspectAll(inspectorOf(temp.path)), []);
  assertEquals(inspectAll(inspectorOf(join(temp.path, "nowhere"))), []);
});

Deno.test("a filter by state does not read where no such task can be", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const inspector = inspectorOf(temp.path, clock);
  await writeTask(temp.path, NAME, {}, { mtime: clock.now() / 1000 + 9 });
  await writeTask(join(temp.path, "failed"), NAME, {});
  const places = (filter: Filter) => [...inspector.list(filter)].flat().map(({ place }) => place);
  assertEquals(places({ states: ["failed"] }), ["failed"]);
  assertEquals(places({ states: ["ready"] }), ["queue"]);
  assertEquals(inspector.mayPass(queued(), { states: ["ready"] }), false);
  assertEquals(inspector.mayPass(queued(), { states: ["deferred"] }), true);
  assertEquals(inspector.mayPass(queued(), { madeBefore: MADE_AT }), false);
  assertEquals(inspector.mayPass(queued(), { madeBefore: MADE_AT + 1 }), true);
});

Deno.test("a name is found in every priority and in failed/", async () => {
  await using temp = await tempDir();
  await writeTask(join(temp.path, "7"), NAME, {});
  await writeTask(join(temp.path, "failed", "8"), NAME, {});
  const inspector = inspectorOf(temp.path);
  const places = (priority?: string | null) =>
    inspector.find(NAME, priority).map(({ priority, place }) => `${place} ${priority}`).toSorted();
  assertEquals(places(), ["failed 8", "queue 7"]);
  assertEquals(places("7"), ["queue 7"]);
  assertEquals(places(null), []);
});

Deno.test("a body comes in pieces, all of it", async () => {
  await using temp = await tempDir();
  const body = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
  await writeTask(temp.path, NAME, { a: "b" }, { body });
  const pieces = [...inspectorOf(temp.path).body(queued())].map((piece) => piece.length);
  assertEquals(pieces.reduce((sum, length) => sum + length), body.length);
  assert(pieces.length > 1);
});

Deno.test("retry makes a failed task ready now, with nothing remembered", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const store = await openStore(temp.path, clock);
  const path = await writeTask(join(temp.path, "failed/3"), NAME, {});
  await Deno.writeTextFile(`${path}.json`, "{}");
  assertEquals(await store.retryFailed({ name: NAME, priority: "3" }), {
    kind: "changed",
    was: "failed",
  });
  assertEquals(await names(join(temp.path, "failed/3")), []);
  assertEquals((await Deno.stat(join(temp.path, "3", NAME))).mtime?.getTime(), clock.now());
});

Deno.test("retry never replaces a task that waits under the same name", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  await writeTask(temp.path, NAME, { which: "waits" });
  await writeTask(join(temp.path, "failed"), NAME, { which: "has failed" });
  const ref = { name: NAME, priority: null };
  assertEquals((await store.retryFailed(ref)).kind, "refused");
  assertEquals(findText(claimNow(store, ref).vars, "which"), "waits");
});

Deno.test("retry makes a deferred task ready now and keeps its failures", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock(Date.now() + 1000);
  const store = await openStore(temp.path, clock);
  const ref = await store.put(hello);
  const attempts = {
    failures: 1,
    firstFailureAt: 1,
    lastFailureAt: 1,
    reason: "exit code 1",
    stderr: "",
  };
  store.defer(claimNow(store, ref), clock.now() + 60_000, attempts);
  assertEquals(await store.retryDeferred(ref), { kind: "changed", was: "deferred" });
  assertEquals(await store.retryDeferred(ref), { kind: "unchanged" });
  const task = claimNow(store, ref);
  assertEquals(task.attempts, attempts);
  assertEquals(await store.retryDeferred(ref), { kind: "running" });
  assertEquals(await store.remove(ref), { kind: "running" });
  task.release();
});

Deno.test("remove takes a task with all that is known of it", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const path = await writeTask(join(temp.path, "failed"), NAME, {});
  await Deno.writeTextFile(`${path}.json`, "{}");
  await writeTask(temp.path, NAME, {});
  const ref = { name: NAME, priority: null };
  await Deno.writeTextFile(join(temp.path, ".spooler/attempts", `${NAME}.json`), "{}");
  assertEquals(await store.remove(ref), { kind: "changed", was: "ready" });
  assertEquals(await names(temp.path), [".spooler", "failed"]);
  assertEquals(await names(join(temp.path, ".spooler/attempts")), []);
  assertEquals(await store.removeFailed(ref), { kind: "changed", was: "failed" });
  assertEquals(await names(join(temp.path, "failed")), []);
  assertEquals(await store.remove(ref), { kind: "gone" });
});

Deno.test("pause and resume are a file, and say whether they changed something", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const inspector = inspectorOf(temp.path);
  assertEquals(inspector.pausedSince(), null);
  assertEquals([await store.pause(), await store.pause()], [true, false]);
  assert(inspector.pausedSince() !== null);
  assertEquals([await store.resume(), await store.resume()], [true, false]);
  assertEquals(inspector.pausedSince(), null);
});
