import { join } from "@std/path";
import { Spool, task } from "../../src/client/mod.ts";
import { keysOfVars } from "../../src/wire/json_vars.ts";
import { findText, varText } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { claimNow, openStore, seenNames } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const namesIn = async (dir: string) =>
  (await Array.fromAsync(Deno.readDir(dir))).filter(({ isFile }) => isFile).map(({ name }) => name);

Deno.test("a task that is put is one for the program: its values, body, time, priority and mode", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const spool = new Spool(temp.path);
  const sendMail = task<{ to: string; user: { id: number } }>("send_mail");
  const keys = { to: "ann@example.org", user: { id: 1 } };
  const name = await spool.put(sendMail, keys, { body: "the body", priority: 3, at: 1_000 });
  assertEquals(seenNames(store), [name]);
  const path = join(temp.path, "3", name);
  const { mode, mtime } = await Deno.stat(path);
  assertEquals([(mode ?? 0) & 0o777, mtime?.getTime()], [0o600, 1_000_000]);
  const claimed = claimNow(store, { name, priority: "3" });
  const body = new Uint8Array(claimed.bodySize);
  claimed.readBody(body, 0);
  assertEquals(new TextDecoder().decode(body), "the body");
  assertEquals(keysOfVars(claimed.vars), keys);
  assertEquals(
    ["ud_spool_func", "at", "priority"].map((each) => findText(claimed.vars, each)),
    ["send_mail", "1000", "3"],
  );
  assertEquals(claimed.vars.map((v) => varText(v.name)).includes("user"), true);
  store.finish(claimed);
  claimed.release();
  assertEquals(await namesIn(join(temp.path, ".spooler/tmp")), []);
  store.close();
});

Deno.test("tasks that are put run in the order of the calls, one by one and many at once", async () => {
  await using temp = await tempDir();
  const spool = new Spool(temp.path);
  const first = await spool.put("f", { n: 0 });
  const many = await spool.putMany(
    (async function* () {
      for (let n = 1; n <= 600; n++) yield await Promise.resolve({ task: "f", keys: { n } });
    })(),
  );
  assertEquals(new Set([first, ...many]).size, 601);
  // Nothing of the program's own was made: there was no program yet.
  assertEquals((await namesIn(temp.path)).length, 601);
  const store = await openStore(temp.path);
  const seen = [...store.scan()].flat().toSorted((a, b) => a.dueAt - b.dueAt);
  assertEquals(seen.at(0)?.name, first);
  const batches = seen.map(({ name }) => Math.floor(many.indexOf(name) / 256));
  assertEquals(batches, batches.toSorted((a, b) => a - b));
  store.close();
});

Deno.test("what cannot be put leaves nothing behind, and says why", async () => {
  await using temp = await tempDir();
  const spool = new Spool(temp.path);
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => spool.put("", {}), /needs the name of its function/],
    [() => spool.put("f", { spooler_id: "x" }), /cannot be given spooler_id/],
    [() => spool.put("f", { body: "x" }), /cannot be given body/],
    [() => spool.put("f", { n: 1n }), /the value of n has no JSON/],
    [() => spool.put("f", { long: "x".repeat(70_000) }), /65535|65,535/],
    [() => spool.put("f", {}, { priority: 1.5 }), /priority needs a whole number/],
    [() => spool.put("f", {}, { at: new Date(NaN) }), /at needs a date/],
    [() => spool.put("f", {}, { signal: AbortSignal.abort(new Error("no more")) }), /no more/],
    [() => new Spool(join(temp.path, "typo")).put("f"), /typo/],
  ];
  for (const [put, reason] of cases) {
    const error = await assertRejects(put, Error);
    assertMatch(error.message, reason);
  }
  // One that fails takes those of its batch along.
  const many = [{ task: "f" }, { task: "f", keys: { long: "x".repeat(70_000) } }];
  await assertRejects(() => spool.putMany(many), Error);
  assertEquals(await namesIn(temp.path), []);
});

Deno.test("status says where a task is, and wait ends with it", async () => {
  await using temp = await tempDir();
  const store = await openStore(temp.path);
  const spool = new Spool(temp.path);
  const name = await spool.put("f", {}, { priority: 7 });
  assertEquals(await spool.status(name), { state: "ready" });
  const later = await spool.put("f", {}, { at: new Date("2100-01-01T00:00:00Z") });
  assertEquals(await spool.status(later), {
    ...{ state: "deferred", dueAt: new Date("2100-01-01T00:00:00Z") },
    ...{ failures: 0, reason: null },
  });
  const wait = () => spool.wait(later, { signal: AbortSignal.timeout(20) });
  assertEquals((await assertRejects(wait, DOMException)).name, "TimeoutError");

  const waiting = spool.wait(name);
  const claimed = claimNow(store, { name, priority: "7" });
  store.fail(claimed, "exit code 65", null);
  claimed.release();
  const end = await waiting;
  assert(end.state === "failed" && end.failedAt !== null);
  assertEquals(end.reason, "exit code 65");
  assertEquals((await spool.status(name)).state, "failed");

  const done = await spool.put("f");
  const finished = spool.wait(done);
  const task = claimNow(store, { name: done, priority: null });
  store.finish(task);
  task.release();
  assertEquals(await finished, { state: "done" });
  assertEquals(await spool.status(done), { state: "gone" });
  for (const bad of ["", "..", "../x", "a/../b"]) {
    await assertRejects(() => spool.status(bad), TypeError, "no name of a task");
  }
  store.close();
});

Deno.test("what a task is given reaches the handler of its type", () => {
  const sendMail = task<{ to: string; tags: string[] }>("send_mail");
  const send_mail = sendMail.handler(({ to, tags }) => `${to} ${tags.length}`);
  const context = { json: { to: "ann", tags: ["a", "b"] } };
  assertEquals(send_mail({}, new Uint8Array(), context), "ann 2");
});
