/** Delivery to peers that behave: one of ours, and uWSGI with and without its ping plugin. */

import { createHash } from "node:crypto";
import { WINDOW } from "../../src/wire/peer.ts";
import {
  encodePacket,
  KEEP_OPEN,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  WITH_BODY,
} from "../../src/wire/packet.ts";
import { signedBy, verifyDelivery } from "../../src/wire/signature.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { fillSpool } from "../support/fill.ts";
import { ForwardSite } from "../support/forward.ts";
import {
  ACCEPTED,
  namesOf,
  ours,
  Peer,
  plain,
  pong,
  type Received,
  textOf,
} from "../support/peer.ts";

Deno.test("a task goes to one of ours with its id, over a connection that stays", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  const name = await site.put({ ud_spool_func: "hello", name: "wörld" });
  await site.drained();
  await site.put({ ud_spool_func: "again" });
  await site.drained();
  assertEquals(peer.connections, 1);
  const [first] = accepted as [Received];
  assertEquals(first.header.modifier2, KEEP_OPEN);
  assertEquals(namesOf(first), ["ud_spool_func", "name", "spooler_id", "spooler_ts"]);
  assertEquals(textOf(first, "name"), "wörld");
  assertStringIncludes(textOf(first, "spooler_id") ?? "", `${name}:`);
  assertEquals(site.of("task.settled").map(({ fate }) => fate.kind), ["done", "done"]);
  assertEquals(site.of("target.down"), []);
});

Deno.test("what a delivery adds is signed when there is a secret", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted, () => null, "of two"));
  await using site = await ForwardSite.start({ targets: [peer.address], secret: "of two" });
  await site.put({ a: "b" }, new TextEncoder().encode("the body"));
  await site.drained();
  const [{ vars, header, body }] = accepted as [Received];
  assertEquals(header.modifier2, KEEP_OPEN | WITH_BODY);
  assertEquals(new TextDecoder().decode(body), "the body");
  const bytes = encodePacket(vars, MODIFIER_SPOOL).subarray(4);
  assert("secret" in signedBy(bytes, vars, ["of two"]));
  const verdict = verifyDelivery(vars, { receiver: "hub", now: Date.now(), hasBody: true });
  assert(verdict.kind === "valid");
  assertEquals(verdict.to, "hub");
  assertEquals(verdict.bodySha256, createHash("sha256").update("the body").digest("hex"));
});

Deno.test("a uWSGI gets the task's own bytes, one task a connection", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(plain(accepted));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ a: "1" });
  await site.put({ a: "2" });
  await site.drained();
  assertEquals(accepted.map(namesOf), [["a"], ["a"]]);
  assertEquals(accepted.map(({ header }) => header.modifier2), [0, 0]);
  assertEquals(peer.connections, 3);
});

Deno.test("a uWSGI that hangs up at a ping gets version 0 with the id", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(plain(accepted, { ping: false }));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ a: "1" });
  await site.drained();
  assertEquals(accepted.map(namesOf), [["a", "spooler_id", "spooler_ts"]]);
  assertEquals(site.of("target.down"), []);
});

Deno.test("a spooler that names the target, and only that, is left out", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ a: "1", spooler: peer.address, at: "1000" });
  await site.put({ a: "2", spooler: site.store.dir });
  await site.put({ a: "3", spooler: "/other/spool", spooler_id: "forged" });
  await site.store.put({ vars: [], priority: 7 });
  await site.drained();
  const sent = accepted.map((task) => namesOf(task).filter((name) => !name.startsWith("spooler_")));
  assertEquals(sent.toSorted(), [["a"], ["a", "at"], ["a", "spooler"], ["priority"]]);
  assert(accepted.every((task) => textOf(task, "spooler_id") !== "forged"));
});

Deno.test("a body of megabytes arrives as it was", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  const body = crypto.getRandomValues(new Uint8Array(60_000));
  const large = new Uint8Array(body.length * 50);
  for (let i = 0; i < 50; i++) large.set(body, i * body.length);
  await site.put({ a: "1" }, large);
  await site.put({ a: "2" });
  await site.drained();
  const [first] = accepted as [Received];
  assertEquals(first.body.length, large.length);
  assert(first.body.every((byte, i) => byte === large[i]));
  assertEquals(accepted.map((task) => textOf(task, "a")), ["1", "2"]);
});

Deno.test("a task with a body for a uWSGI stays, and the log says why once", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(plain(accepted));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ a: "1" }, new TextEncoder().encode("body"));
  await site.put({ a: "2" }, new TextEncoder().encode("body"));
  await site.put({ a: "3" });
  await site.event("task.settled", 3);
  assertEquals(accepted.map((task) => textOf(task, "a")), ["3"]);
  assertEquals(site.left().length, 2);
  const fates = site.of("task.settled").map(({ fate }) => fate.kind);
  assertEquals(fates.toSorted(), ["deferred", "deferred", "done"]);
  const warnings = site.of("spool.warning").map(({ message }) => message);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", "has a body");
  assertEquals(site.of("target.down"), []);
});

Deno.test("tasks of one priority go over one connection in their order", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  for (let i = 0; i < 500; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  assertEquals(accepted.map((task) => Number(textOf(task, "i"))), [...Array(500).keys()]);
  assertEquals(peer.connections, 1);
});

Deno.test("several connections share the work, and no more than allowed are open", async () => {
  const accepted: Received[] = [];
  const { promise: three, resolve } = Promise.withResolvers<void>();
  await using peer = new Peer(async (talk) => {
    if (talk.number === 3) resolve();
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      if (packet.header.modifier1 === MODIFIER_PING) {
        await talk.say(pong());
        continue;
      }
      // The first is the trial; then there is no answer before there are three connections.
      if (accepted.push(packet) > 1) await three;
      await talk.say(ACCEPTED);
    }
  });
  await using site = await ForwardSite.make({ targets: [peer.address], connections: 3 });
  for (let i = 0; i < 300; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  assertEquals(peer.connections, 3);
  assertEquals(new Set(accepted.map((task) => textOf(task, "i"))).size, 300);
  assertEquals(accepted.length, 300);
});

Deno.test("of a backlog no more than a window is under way, and each task goes once", async () => {
  const accepted: Received[] = [];
  const rounds = 20;
  await using peer = new Peer(async (talk) => {
    await talk.next();
    await talk.say(pong());
    // The first is the trial. From then on there are answers only when a whole window has come.
    for (let wanted = 1;; wanted = WINDOW) {
      for (let i = 0; i < wanted; i++) {
        const packet = await talk.next();
        if (!packet) return;
        accepted.push(packet);
      }
      assertEquals(talk.pending, 0, "more is under way than a window");
      await talk.say(...Array<Uint8Array>(wanted).fill(ACCEPTED));
    }
  });
  const count = 1 + rounds * WINDOW;
  await using site = await ForwardSite.make({ targets: [peer.address] });
  fillSpool(site.store.dir, count);
  await site.start();
  await site.drained();
  assertEquals(accepted.length, count);
  assertEquals(new Set(accepted.map((task) => textOf(task, "spooler_id"))).size, count);
  assertEquals(peer.connections, 1);
  assertEquals(site.of("target.down"), []);
});
