/** What a target is: stated by the ini, or found out; and what the log says when that fails. */

import { MODIFIER_PING } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import {
  ACCEPTED,
  namesOf,
  ours,
  Peer,
  plain,
  PLAIN_PONG,
  type Received,
  type Script,
  textOf,
} from "../support/peer.ts";
import { quietPort } from "../support/port.ts";
import { until } from "../support/until.ts";

/** The next try is at most 600 ms away; the rest is for a machine that has much to do. */
const SOON_MS = 5_000;

/** A uWSGI without the spooler plugin: it hangs up at a task. */
function withoutSpooler(tasks: Received[], ping = true): Script {
  return async (talk) => {
    const packet = await talk.next();
    if (packet?.header.modifier1 === MODIFIER_PING) {
      return ping ? await talk.say(PLAIN_PONG) : undefined;
    }
    if (packet) tasks.push(packet);
  };
}

Deno.test("kind=uwsgi: no ping, no id, no signature, even with a secret", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(plain(accepted, { ping: false }));
  await using site = await ForwardSite.start({
    targets: [peer.address],
    kind: "uwsgi",
    secret: "of two sides",
  });
  for (const a of ["1", "2"]) {
    await site.put({ a });
    await site.drained();
  }
  assertEquals(accepted.map(namesOf), [["a"], ["a"]]);
  assertEquals(peer.connections, 2);
});

for (
  const [what, ping, seen] of [
    ["answers pings as a uWSGI does", true, "it answers pings as a uWSGI does"],
    [
      "hangs up at pings",
      false,
      "it closes the connection at a ping, as a uWSGI without the ping plugin does",
    ],
  ] as const
) {
  Deno.test(`with a secret nothing goes to a peer that ${what}, and the log says what would help`, async () => {
    const accepted: Received[] = [];
    const port = quietPort();
    await using site = await ForwardSite.start({
      targets: [`127.0.0.1:${port}`],
      secret: "of two sides",
    });
    await site.put({ a: "1" });
    await site.event("target.down");
    await using _peer = new Peer(plain(accepted, { ping }), port);
    // Not only "Connection refused", which was true when nobody was there.
    const { reason, downMs } = await site.event("target.down", 2);
    assertStringIncludes(reason, seen);
    assertStringIncludes(reason, "set kind=uwsgi");
    assert(downMs > 0);
    assertEquals([accepted.length, site.left().length], [0, 1]);
    assertEquals(site.of("task.settled"), []);
  });

  Deno.test(`kind=spooler: nothing goes to a peer that ${what}`, async () => {
    const accepted: Received[] = [];
    await using peer = new Peer(plain(accepted, { ping }));
    await using site = await ForwardSite.start({ targets: [peer.address], kind: "spooler" });
    await site.put({ a: "1" });
    assertStringIncludes(
      (await site.event("target.down")).reason,
      `${seen}, and the ini says kind=spooler`,
    );
    peer.becomes(ours(accepted));
    await site.drained();
    assertEquals(accepted.length, 1);
  });

  Deno.test(`one of ours that becomes a uWSGI which ${what} has tasks soon`, async () => {
    const after: Received[] = [];
    const port = quietPort();
    const hub = new Peer(ours([]), port);
    await using site = await ForwardSite.start({ targets: [`127.0.0.1:${port}`] });
    await site.put({ a: "1" });
    await site.drained();
    await hub.close();
    await site.put({ a: "2" });
    await site.event("target.down");
    await using _uwsgi = new Peer(plain(after, { ping }), port);
    const startedAt = performance.now();
    await until(() => after.length === 1, "the task arrives");
    assert(performance.now() - startedAt < SOON_MS);
    await site.drained();
    assertEquals(textOf(after[0] as Received, "a"), "2");
  });
}

for (const ping of [true, false]) {
  const which = ping ? "with ping" : "without ping, too";
  Deno.test(`a uWSGI without the spooler plugin is down, no task is blamed: ${which}`, async () => {
    const tasks: Received[] = [];
    const accepted: Received[] = [];
    await using peer = new Peer(withoutSpooler(tasks, ping));
    await using site = await ForwardSite.make({ targets: [peer.address] });
    for (let i = 0; i < 20; i++) await site.put({ i: String(i) });
    await site.start();
    assertStringIncludes((await site.event("target.down")).reason, "no spooler plugin");
    await until(() => tasks.length >= 12, "each of several tasks had its chance");
    assertEquals(site.of("task.settled"), []);
    assertEquals(site.left().length, 20);
    peer.becomes(plain(accepted, { ping }));
    const rightSince = performance.now();
    await until(() => accepted.length > 0, "the first is delivered");
    assert(performance.now() - rightSince < SOON_MS, "the first delivery came late");
    await site.drained();
    assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
    assertEquals(site.of("target.up").length, 1);
  });
}

Deno.test("a lone task at which a uWSGI hangs up waits, and goes when that is mended", async () => {
  const tasks: Received[] = [];
  const accepted: Received[] = [];
  await using peer = new Peer(withoutSpooler(tasks));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ a: "1", large: "x".repeat(5000) });
  assertStringIncludes((await site.event("target.down")).reason, "buffer-size");
  await until(() => tasks.length >= 6, "it is tried again and again");
  assertEquals(site.of("task.settled"), []);
  peer.becomes(plain(accepted));
  await site.drained();
  assertEquals(accepted.length, 1);
});

Deno.test("two tasks at which the peer hangs up do not keep the others waiting", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(async (talk) => {
    const packet = await talk.next();
    if (!packet || packet.header.modifier1 === MODIFIER_PING || textOf(packet, "poison")) return;
    accepted.push(packet);
    await talk.say(ACCEPTED);
  });
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  for (const i of ["0", "1"]) await site.put({ i, poison: "yes" });
  for (let i = 2; i < 12; i++) await site.put({ i: String(i) });
  await site.start();
  await site.event("task.settled", 12);
  assertEquals(
    accepted.map((task) => textOf(task, "i")),
    [...Array(12).keys()].slice(2).map(String),
  );
  const failed = site.of("task.settled").filter(({ fate }) => fate.kind !== "done");
  assertEquals(failed.length, 2);
});
