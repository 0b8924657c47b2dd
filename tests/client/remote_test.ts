import { join } from "@std/path";
import { connect, TaskRefusedError, type TaskToSend } from "../../src/client/mod.ts";
import { keysOfVars } from "../../src/wire/json_vars.ts";
import { findText } from "../../src/wire/packet.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { CuttingProxy } from "../support/proxy.ts";
import { ACCEPTED, ours, Peer, plain, pong, type Received } from "../support/peer.ts";
import { DRIVERS, openReception, type TestReception } from "../support/reception.ts";
import { testWith } from "../support/require.ts";
import { claimNow, seenNames } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const SECRET = "a secret of some length";

Deno.test("a task that is sent is accepted with its values and its body", async () => {
  await using reception = await openReception();
  await using hub = connect(`127.0.0.1:${reception.port}`);
  const body = new Uint8Array(300_000).fill(7);
  await hub.put("f", { user: { id: 1 }, to: "ann" }, { body, at: 1_000 });
  const [name = ""] = seenNames(reception.store);
  const task = claimNow(reception.store, { name, priority: null });
  assertEquals([findText(task.vars, "ud_spool_func"), task.bodySize], ["f", body.length]);
  assertEquals(keysOfVars(task.vars), { user: { id: 1 }, to: "ann" });
  task.release();
});

Deno.test("tasks are signed with the secret, and a peer with another one is believed nothing", async () => {
  await using reception = await openReception({ ini: [`spooler-secret = ${SECRET}`] });
  const address = `127.0.0.1:${reception.port}`;
  await using signed = connect(address, { secret: SECRET });
  await signed.putMany(Array.from({ length: 300 }, (_, n) => ({ task: "f", keys: { n } })));
  await signed.put("f", {}, { body: "with a body" });
  assertEquals(seenNames(reception.store).length, 301);
  await using unsigned = connect(address);
  const refused = await assertRejects(() => unsigned.put("f"), TaskRefusedError);
  assertMatch(refused.message, /not signed/);
  await using wrong = connect(address, { secret: "another secret of that length" });
  const error = await assertRejects(() => wrong.put("f"), Error);
  assertMatch(error.message, /not signed with our secret|closed the connection/);
  assertEquals(seenNames(reception.store).length, 301);
});

Deno.test("a connection that breaks at any place doubles nothing and loses nothing", async () => {
  await using reception = await openReception();
  await using proxy = new CuttingProxy(reception.port);
  const names: string[] = [];
  for (let round = 0; round < 12; round++) {
    await using hub = connect(proxy.address);
    await hub.put("f", { name: `${round} first` });
    proxy.cutNext(
      round % 2 === 0
        ? { direction: "up", after: 10 + 450 * round }
        : { direction: "down", after: 60 + 30 * round },
    );
    const tasks = Array.from({ length: 40 }, (_, n) => ({ name: `${round} ${n}` }));
    await hub.putMany(tasks.map((keys) => ({ task: "f", keys })));
    names.push(`${round} first`, ...tasks.map(({ name }) => name));
  }
  assert(proxy.cuts > 6, `${proxy.cuts} cuts`);
  const found = seenNames(reception.store).map((name) => {
    const task = claimNow(reception.store, { name, priority: null });
    task.release();
    return String(keysOfVars(task.vars)["name"]);
  });
  assertEquals(found.toSorted(), names.toSorted());
});

/** That these are the tasks there, and that of each so many one waits for the one before it. */
function assertChains({ store }: TestReception, names: readonly string[], length: number): void {
  assertEquals(seenNames(store).toSorted(), names.toSorted());
  assertEquals(
    names.map((name) => store.readAfter({ name, priority: null })),
    names.map((_, at) => at % length === 0 ? [] : names.slice(at - 1, at)),
  );
}

const STEPS: readonly TaskToSend[] = [
  { task: "fetch", id: "one" },
  { task: "unpack", id: "two" },
  { task: "index", id: "three", body: "a body" },
];

Deno.test("a chain over a connection: each waits for the name of the one before", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "socket");
  for (const driver of DRIVERS) {
    for (const secret of [undefined, SECRET]) {
      const ini = [`socket = ${path}`, ...(secret ? [`spooler-secret = ${secret}`] : [])];
      await using reception = await openReception({
        driver,
        ini: ["socket = 127.0.0.1:0", ...ini],
      });
      const options = secret ? { secret } : {};
      await using hub = connect(`127.0.0.1:${reception.port}`, options);
      const names = await hub.chain(...STEPS);
      assertChains(reception, names, 3);
      // Put again, by another connection of the same sender, it is the same chain.
      if (secret) {
        await using local = connect(path, options);
        assertEquals(await local.chain(...STEPS), names);
        assertEquals(seenNames(reception.store).length, 3);
      } else assertEquals(await hub.chain(...STEPS), names);
      assertEquals(await hub.put("f", {}, { id: "four" }), "four");
    }
  }
});

Deno.test("a connection that breaks between the steps of a chain changes no name", async () => {
  await using reception = await openReception();
  await using proxy = new CuttingProxy(reception.port);
  const names: string[] = [];
  for (let round = 0; round < 9; round++) {
    // Within the greeting, and within and behind each answer.
    proxy.cutNext({ direction: "down", after: 60 + 30 * round });
    await using hub = connect(proxy.address);
    names.push(...await hub.chain({ task: "a" }, { task: "b" }, { task: "c" }));
  }
  assert(proxy.cuts >= 8, `${proxy.cuts} cuts`);
  assertChains(reception, names, 3);
});

Deno.test("a chain is refused before its first task by who says no names", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  await using old = connect(peer.address);
  const refused = await assertRejects(() => old.chain(...STEPS), TaskRefusedError);
  assertMatch(
    refused.message,
    /^the peer is of version 9\.9\.9, which does not say names of tasks/,
  );
  peer.becomes(plain(accepted));
  await using uwsgi = connect(peer.address);
  await assertRejects(
    () => uwsgi.chain(...STEPS),
    Error,
    "it is no spooler of version 0.2 or later",
  );
  assertEquals(accepted.length, 0);
  // One that has lost it.
  peer.becomes(async (talk) => {
    await talk.next();
    await talk.say(pong("keep-alive,id,task-name"));
    for (let task = await talk.next(); task; task = await talk.next()) {
      accepted.push(task);
      await talk.say(ACCEPTED);
    }
  });
  await using forgetful = connect(peer.address);
  await assertRejects(
    () => forgetful.chain(...STEPS.slice(0, 2)),
    Error,
    "knows its name no longer",
  );
  assertEquals(accepted.length, 1);
  const [, two = { task: "f" }] = STEPS;
  const mixed = () => forgetful.chain({ task: "f" }, { ...two, spooler: "/other" });
  await assertRejects(mixed, TypeError, 'a chain goes into one spool: "/other"');
  await assertRejects(() => forgetful.chain({ task: "f" }, { task: "" }), TypeError);
  assertEquals(accepted.length, 1);
});

Deno.test("a refusal says why, one for now is tried again, and time and signal end it", async () => {
  let left = 3;
  await using reception = await openReception({
    accept: (task) => {
      if (findText(task.vars, "ud_spool_func") === "never") {
        throw new RefusalError("full", "full", true);
      }
      if (findText(task.vars, "ud_spool_func") === "bad") {
        throw new RefusalError("request", "no such spooler");
      }
      if (left-- > 0) throw new RefusalError("full", "the disk is full", true);
      return Promise.resolve();
    },
  });
  await using hub = connect(`127.0.0.1:${reception.port}`, { timeoutMs: 20_000 });
  await hub.put("f");
  assertEquals(left, -1);
  await assertRejects(() => hub.put("bad"), TaskRefusedError, "no such spooler");
  const aborted = await assertRejects(
    () => hub.put("never", {}, { signal: AbortSignal.timeout(300) }),
    DOMException,
  );
  assertEquals(aborted.name, "TimeoutError");
  await using hasty = connect(`127.0.0.1:${reception.port}`, { timeoutMs: 300 });
  await assertRejects(
    () => hasty.put("never"),
    Error,
    "has not accepted a task within 0.3 s: full",
  );
});

Deno.test("a peer that is not there is tried until the time is over, and named", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using hub = connect(`127.0.0.1:${port}`, { timeoutMs: 250 });
  const error = await assertRejects(() => hub.put("f"), Error);
  assertMatch(error.message, /^127\.0\.0\.1:\d+ has not accepted a task within 0\.25 s: connect /);
});

Deno.test("an endless source is asked no faster than the peer accepts", async () => {
  const accepted = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const window = 8;
  await using reception = await openReception({
    accept: () => {
      reached.resolve();
      return accepted.promise;
    },
  });
  await using hub = connect(`127.0.0.1:${reception.port}`, { window });
  let asked = 0;
  const source = function* () {
    while (asked < 1000) yield { task: "f", keys: { n: ++asked } };
  };
  const all = hub.putMany(source());
  await reached.promise;
  assert(asked <= 2 * window, `${asked} were asked for before one was accepted`);
  accepted.resolve();
  assertEquals((await all).length, 1000);
});

testWith("openssl", "tasks go over TLS to a server whose certificate is trusted", async () => {
  await using temp = await tempDir();
  await makeTlsParties(temp.path);
  const at = (file: string) => join(temp.path, file);
  const line = `suwsgi-socket = 127.0.0.1:0,${at("server.pem")},${at("server.key")}`;
  await using reception = await openReception({ ini: [line] });
  const address = `tls://localhost:${reception.port}`;
  await using hub = connect(address, { ca: await Deno.readTextFile(at("ca.pem")) });
  await hub.put("f", { n: 1 });
  assertEquals(seenNames(reception.store).length, 1);
  await using stranger = connect(address, { timeoutMs: 500 });
  await assertRejects(() => stranger.put("f"), Error, "has not accepted a task within 0.5 s");
  assertEquals(seenNames(reception.store).length, 1);
});

Deno.test("an address is one, or an error", () => {
  for (const bad of ["", "tls:///path", "host:http", "tls://@x"]) {
    let error: unknown = null;
    try {
      connect(bad);
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof SyntaxError, bad);
  }
});
