import { join } from "@std/path";
import { encodePacket, findText, textVar } from "../../src/wire/packet.ts";
import type { FailedRecord } from "../../src/spool/store.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { claimNow, openStore, seenNames, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const NAME = "uwsgi_spoolfile_on_test_1_1_1_1_1";
const ref = { name: NAME, priority: null };
const hello = { vars: varsOf({ ud_spool_func: "hello" }) };

/** A file that no clock of the test has to wait for. */
async function putFile(dir: string, bytes: Uint8Array, name = NAME): Promise<void> {
  await Deno.writeFile(join(dir, name), bytes);
  await Deno.utime(join(dir, name), 0, 0);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

Deno.test("opening makes the directory and what belongs into it", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "a", "spool"));
  const { mode } = await Deno.stat(store.dir);
  assertEquals((mode ?? 0) & 0o777, 0o750);
  assert(await exists(join(store.dir, ".spooler/tmp")));
});

Deno.test("what is put can be claimed, with its keys and its body", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const body = new TextEncoder().encode("the body");
  const task = claimNow(store, await store.put({ ...hello, body }));
  assertEquals(findText(task.vars, "ud_spool_func"), "hello");
  const read = new Uint8Array(task.bodySize);
  assertEquals(task.readBody(read, 0), body.length);
  assertEquals(read, body);
  store.finish(task);
  assertEquals(seenNames(store), []);
});

Deno.test("many at once are all there, under different names", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const refs = await Promise.all(Array.from({ length: 100 }, () => store.put(hello)));
  assertEquals(seenNames(store).toSorted(), refs.map(({ name }) => name).toSorted());
});

Deno.test("at is the file's mtime, and keeps it from being claimed before", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const store = await openStore(temp.path, clock);
  const at = clock.now() + 60_000;
  const put = await store.put({ ...hello, at });
  assertEquals((await Deno.stat(store.pathOf(put))).mtime?.getTime(), at);
  assertEquals(store.claim(put), { kind: "deferred", dueAt: at });
  clock.advance(60_000);
  claimNow(store, put).release();
});

Deno.test("a priority is a directory of digits", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const put = await store.put({ ...hello, priority: 7 });
  assert(await exists(join(temp.path, "7", put.name)));
  assertEquals([...store.scan()].flat().map(({ priority }) => priority), ["7"]);
});

Deno.test("a put that fails leaves nothing behind", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const broken = (async function* () {
    yield new Uint8Array(10);
    await Promise.resolve();
    throw new RangeError("the sender went away");
  })();
  await assertRejects(() => store.put({ ...hello, body: broken }), RangeError, "went away");
  assertEquals(seenNames(store), []);
  assertEquals([...Deno.readDirSync(join(temp.path, ".spooler/tmp"))], []);
});

Deno.test("a claimed task is busy for everybody else", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const put = await store.put(hello);
  const task = claimNow(store, put);
  assertEquals(store.claim(put).kind, "busy");
  task.release();
  store.finish(claimNow(store, put));
  assertEquals(store.claim(put).kind, "gone");
});

Deno.test("a deferred task keeps its bytes and remembers its failures", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock();
  const store = await openStore(temp.path, clock);
  const put = await store.put(hello);
  clock.set(Date.now() + 1000);
  const before = await Deno.readFile(store.pathOf(put));
  const attempts = {
    failures: 1,
    firstFailureAt: 1,
    lastFailureAt: 1,
    reason: "exit code 1",
    stderr: "oh",
  };
  const dueAt = clock.now() + 5000;
  store.defer(claimNow(store, put), dueAt, attempts);
  assertEquals(store.claim(put).kind, "deferred");
  clock.advance(5001);
  const task = claimNow(store, put);
  assertEquals(task.attempts, attempts);
  store.finish(task);
  assert(!await exists(join(temp.path, `.spooler/attempts/${put.name}.json`)));
  assertEquals(before.length > 0, true);
});

Deno.test("a failed task is kept, with its reason", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const put = await store.put({ ...hello, priority: 3 });
  store.fail(claimNow(store, put), "exit code 65", null);
  const failed = join(temp.path, "failed/3", put.name);
  assert(await exists(failed));
  const record = JSON.parse(await Deno.readTextFile(`${failed}.json`)) as FailedRecord;
  assertEquals(record.reason, "exit code 65");
  assertEquals(seenNames(store), []);
});

const whole = encodePacket([textVar("ud_spool_func", "hello")], 17);
const wrongModifier = whole.with(0, 9);
const overrun = whole.with(4, 200);

for (
  const [what, bytes, reason] of [
    ["another modifier", wrongModifier, "modifier1 is 9"],
    ["a length that overruns", overrun, "says 200 bytes"],
  ] as const
) {
  Deno.test(`a file with ${what} goes to failed/ with its reason`, async () => {
    await using temp = await tempDir();
    const store = await openStore(temp.path);
    await putFile(temp.path, bytes);
    const claimed = store.claim(ref);
    assert(claimed.kind === "damaged" && claimed.reason.includes(reason));
    assertEquals(await Deno.readFile(join(temp.path, "failed", NAME)), bytes);
  });
}

for (
  const [what, bytes] of [
    ["an empty file", new Uint8Array(0)],
    ["a cut header", whole.slice(0, 3)],
    ["cut vars", whole.slice(0, 12)],
  ] as const
) {
  Deno.test(`${what} may be half-written: it is left alone for a minute, then kept in failed/`, async () => {
    await using temp = await tempDir();
    const clock = new FakeClock(Date.now());
    const store = await openStore(temp.path, clock);
    await putFile(temp.path, bytes);
    clock.advance(30_000);
    assertEquals(store.claim(ref).kind, "incomplete");
    assertEquals(seenNames(store), [NAME]);
    clock.advance(60_000);
    assertEquals(store.claim(ref).kind, "damaged");
    assertEquals(await Deno.readFile(join(temp.path, "failed", NAME)), bytes);
  });
}

Deno.test("a directory or a symlink with a task's name is no task", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  await Deno.mkdir(join(temp.path, NAME));
  await Deno.symlink("/etc/passwd", join(temp.path, `${NAME}2`));
  assertEquals(seenNames(store), []);
  assertEquals(store.claim(ref).kind, "unusable");
  assertEquals(store.claim({ name: `${NAME}2`, priority: null }).kind, "unusable");
});

Deno.test("sweep removes what writers left half-written, but not what they write now", async () => {
  await using temp = await tempDir();
  const clock = new FakeClock(Date.now());
  const store = await openStore(temp.path, clock);
  await Deno.writeFile(join(temp.path, ".spooler/tmp/left"), whole);
  assertEquals(store.sweep(), 0);
  clock.advance(120_000);
  assertEquals(store.sweep(), 1);
  assertEquals(store.sweep(), 0);
});

Deno.test("a spool has a name of its own, the same each time and wherever it is moved", async () => {
  await using temp = await tempDir();
  const path = (name: string) => join(temp.path, name);
  const [one, other] = [await openStore(path("one")), await openStore(path("other"))];
  const identity = await one.identity();
  assertMatch(identity, /^[0-9a-f]{32}$/);
  assertEquals(await one.identity(), identity);
  assert(await other.identity() !== identity);
  one.close();
  other.close();
  await Deno.rename(path("one"), path("moved"));
  const moved = await openStore(path("moved"));
  assertEquals(await moved.identity(), identity);
  moved.close();
});
