/** Peers that are away, refuse, break off, talk nonsense or say nothing: no task is lost to them. */

import { MODIFIER_PING } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import {
  ACCEPTED,
  ours,
  Peer,
  plain,
  pong,
  type Received,
  refusal,
  REFUSED,
  type Script,
  textOf,
} from "../support/peer.ts";
import { quietPort } from "../support/port.ts";
import { until } from "../support/until.ts";

/** Answers pings as one of ours; `task` has the rest of the connection from its first task on. */
function greeted(task: (...args: Parameters<Script>) => Promise<void>): Script {
  return async (talk) => {
    const ping = await talk.next();
    if (ping?.header.modifier1 !== MODIFIER_PING) return;
    await talk.say(pong());
    await task(talk);
  };
}

const numbers = (tasks: readonly Received[]) => tasks.map((task) => textOf(task, "i"));

Deno.test("tasks wait while the peer is away, and go when it comes, each once", async () => {
  const accepted: Received[] = [];
  const port = quietPort();
  await using site = await ForwardSite.make({ targets: [`127.0.0.1:${port}`] });
  for (let i = 0; i < 200; i++) await site.put({ i: String(i) });
  await site.start();
  const down = await site.event("target.down");
  assertMatch(down.reason, /connect to 127\.0\.0\.1:\d+: .*refused/i);
  assertEquals(site.left().length, 200);
  await using _peer = new Peer(ours(accepted), port);
  await site.drained();
  assertEquals(numbers(accepted).toSorted(), [...Array(200).keys()].map(String).toSorted());
  const up = await site.event("target.up");
  assert(up.failures >= 1);
  assertEquals(site.of("target.down").length, 1);
  // Not one of them was held against a task.
  assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
});

Deno.test("a dead peer is asked by one connection at a time, whatever waits", async () => {
  let open = 0;
  let most = 0;
  await using peer = new Peer(async (talk) => {
    most = Math.max(most, ++open);
    await talk.next();
    open--;
    // It closes without an answer to the ping.
  });
  await using site = await ForwardSite.make({
    targets: [peer.address],
    connections: 4,
    secret: "of two sides",
  });
  for (let i = 0; i < 100; i++) await site.put({ i: String(i) });
  await site.start();
  await until(() => peer.connections >= 5, "five probes");
  assertEquals(most, 1);
  assertEquals(site.of("target.down").length, 1);
  assertEquals(site.of("task.settled"), []);
});

Deno.test("a name that cannot be resolved is a target that is down", async () => {
  await using site = await ForwardSite.make({ targets: ["nowhere.invalid:1"] });
  await site.put({ i: "1" });
  await site.start();
  assertStringIncludes((await site.event("target.down")).reason, "nowhere.invalid:1");
  assertEquals(site.left().length, 1);
});

for (
  const [what, misbehave] of [
    ["hangs up at the task", greeted(async (talk) => void await talk.next())],
    [
      "hangs up in the middle of its answer",
      greeted(async (talk) => {
        await talk.next();
        await talk.say(ACCEPTED.subarray(0, 3));
      }),
    ],
    [
      "answers nonsense",
      greeted(async (talk) => {
        await talk.next();
        await talk.say(new TextEncoder().encode("HTTP/1.0 400 Bad Request\r\n\r\n"));
      }),
    ],
    [
      "answers what was not asked",
      greeted(async (talk) => {
        await talk.say(ACCEPTED, ACCEPTED);
        await talk.silence();
      }),
    ],
    [
      "answers a ping with nonsense",
      async (talk) => {
        await talk.next();
        await talk.say(new TextEncoder().encode("220 mail.example ESMTP\r\n"));
      },
    ],
    [
      "answers a ping by half",
      async (talk) => {
        await talk.next();
        await talk.say(pong().subarray(0, 20));
      },
    ],
  ] as [string, Script][]
) {
  Deno.test(`a peer that ${what} has no task until it behaves`, async () => {
    const accepted: Received[] = [];
    await using peer = new Peer(misbehave);
    await using site = await ForwardSite.make({ targets: [peer.address] });
    for (let i = 0; i < 20; i++) await site.put({ i: String(i) });
    await site.start();
    await site.event("target.down");
    assertEquals(site.left().length, 20);
    peer.becomes(ours(accepted));
    await site.drained();
    assertEquals(numbers(accepted).toSorted(), [...Array(20).keys()].map(String).toSorted());
    assertEquals(site.of("target.down").length, 1);
    await site.event("target.up");
  });
}

Deno.test("a peer that never answers is given up after the timeout", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(greeted((talk) => talk.silence()));
  await using site = await ForwardSite.make({ targets: [peer.address], timeoutMs: 100 });
  await site.put({ i: "1" });
  await site.start();
  assertEquals((await site.event("target.down")).reason, "no answer for 0.1 s");
  peer.becomes(ours(accepted));
  await site.drained();
  // Where the machine is late by the timeout, the answer is, too, and the task is sent once more.
  assertEquals(new Set(accepted.map((task) => textOf(task, "spooler_id"))).size, 1);
});

Deno.test("a peer that reads no more than a part of a body is given up after the timeout", async () => {
  const accepted: Received[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  await using peer = new Peer(greeted(() => done));
  await using site = await ForwardSite.make({ targets: [peer.address], timeoutMs: 500 });
  await site.put({ i: "1" }, new Uint8Array(20_000_000));
  await site.start();
  assertEquals((await site.event("target.down")).reason, "no answer for 0.5 s");
  resolve();
  peer.becomes(ours(accepted));
  await site.drained();
  assertEquals(accepted[0]?.body.length, 20_000_000);
});

Deno.test("after a lost answer the task is delivered again, with the same id", async () => {
  const ids: (string | undefined)[] = [];
  await using peer = new Peer(async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      if (packet.header.modifier1 === MODIFIER_PING) await talk.say(pong());
      else {
        ids.push(textOf(packet, "spooler_id"));
        if (ids.length < 3) return;
        await talk.say(ACCEPTED);
      }
    }
  });
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ i: "1" });
  await site.drained();
  assertEquals(ids.length, 3);
  assertEquals(new Set(ids).size, 1);
});

Deno.test("a connection that breaks after it worked is no failure of the peer", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(greeted(async (talk) => {
    // Takes ten and hangs up, whatever was sent meanwhile.
    for (let n = 0; n < 10; n++) {
      const packet = await talk.next();
      if (!packet) return;
      accepted.push(packet);
      await talk.say(ACCEPTED);
    }
  }));
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  for (let i = 0; i < 95; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  assertEquals(new Set(numbers(accepted)).size, 95);
  assert(peer.connections >= 10);
});

Deno.test("a task at which the peer hangs up each time fails; the others go on", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(greeted(async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      if (textOf(packet, "poison")) return;
      accepted.push(packet);
      await talk.say(ACCEPTED);
    }
  }));
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  await site.put({ i: "0", poison: "yes" });
  for (let i = 1; i < 20; i++) await site.put({ i: String(i) });
  await site.start();
  await site.event("task.settled", 20);
  const [failed] = site.of("task.settled").filter(({ fate }) => fate.kind === "deferred");
  assert(failed?.fate.kind === "deferred");
  assertStringIncludes(failed.fate.reason, "the connection broke 3 times in a row at this task");
  assertEquals(numbers(accepted), [...Array(20).keys()].slice(1).map(String));
});

Deno.test("a refused task fails with the peer's reason, and in the end lies in failed/", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(
    ours(accepted, (task) => textOf(task, "i") === "1" ? refusal("no such spool") : null),
  );
  const retry = { delayMs: 10, maxDelayMs: 10, maxRetries: 2 };
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { retry } });
  for (let i = 0; i < 4; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  const failed = site.of("task.settled").filter(({ fate }) => fate.kind === "failed");
  assert(failed[0]?.fate.kind === "failed");
  assertStringIncludes(failed[0].fate.reason, `${peer.address}: no such spool`);
  assertEquals(numbers(accepted).toSorted(), ["0", "2", "3"]);
  assertEquals(site.of("target.down"), []);
});

Deno.test("a peer that is full for now keeps all tasks waiting, and none is held against one", async () => {
  const accepted: Received[] = [];
  let refusals = 0;
  await using peer = new Peer(ours(accepted, () => {
    if (accepted.length === 5 && refusals < 66) {
      refusals++;
      return refusal("the disk is full", { temporary: true });
    }
    return null;
  }));
  await using site = await ForwardSite.make({ targets: [peer.address] });
  for (let i = 0; i < 100; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  assertEquals(accepted.length, 100);
  assertEquals(
    (await site.event("target.down")).reason,
    "it accepts no tasks: the disk is full",
  );
  assertEquals(site.of("target.down").length, 1);
  assertEquals(site.of("target.up").length, 1);
  assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
});

/** A uWSGI whose spooler is not configured. */
const inactive = (refused: (task: Received) => void): Script => async (talk) => {
  const packet = await talk.next();
  if (!packet || packet.header.modifier1 === MODIFIER_PING) return;
  refused(packet);
  await talk.say(REFUSED);
};

Deno.test("a uWSGI that refuses everything is down, is asked one task at a time, and no task is blamed", async () => {
  let tasks = 0;
  const accepted: Received[] = [];
  await using peer = new Peer(inactive(() => tasks++));
  await using site = await ForwardSite.make({ targets: [peer.address] });
  for (let i = 0; i < 20; i++) await site.put({ i: String(i) });
  await site.start();
  const { reason } = await site.event("target.down");
  assertStringIncludes(reason, "like a uWSGI with no spooler = line");
  await until(() => tasks >= 12, "probes by tasks");
  assertEquals(site.left().length, 20);
  assertEquals(site.of("task.settled"), []);
  peer.becomes(plain(accepted));
  await site.drained();
  assertEquals(accepted.length, 20);
  assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
  assertEquals(site.of("target.up").length, 1);
});

Deno.test("a uWSGI that begins to refuse, as with a full disk, is down, and no task is blamed", async () => {
  const accepted: Received[] = [];
  let tasks = 0;
  await using peer = new Peer(plain(accepted));
  await using site = await ForwardSite.make({ targets: [peer.address] });
  await site.put({ i: "first" });
  await site.start();
  await site.drained();
  peer.becomes(inactive(() => tasks++));
  for (let i = 0; i < 10; i++) await site.put({ i: String(i) });
  await until(() => tasks >= 8, "probes by tasks");
  peer.becomes(plain(accepted));
  await site.drained();
  assertEquals(accepted.length, 11);
  assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
});

Deno.test("a task that a uWSGI refuses each time, and no other, fails", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(async (talk) => {
    const packet = await talk.next();
    if (!packet || packet.header.modifier1 === MODIFIER_PING) return;
    if (textOf(packet, "poison")) return await talk.say(REFUSED);
    accepted.push(packet);
    await talk.say(ACCEPTED);
  });
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  await site.put({ i: "0", poison: "yes" });
  for (let i = 1; i < 12; i++) await site.put({ i: String(i) });
  await site.start();
  await site.event("task.settled", 12);
  const [failed] = site.of("task.settled").filter(({ fate }) => fate.kind === "deferred");
  assert(failed?.fate.kind === "deferred");
  assertStringIncludes(
    failed.fate.reason,
    "it refused this task 3 times in a row, and accepted others",
  );
  assertEquals(numbers(accepted), [...Array(12).keys()].slice(1).map(String));
});

Deno.test("a packet that a uWSGI does not take is that task's failure", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(async (talk) => {
    const packet = await talk.next();
    if (!packet || packet.header.modifier1 === MODIFIER_PING) return;
    if (packet.header.size > 4096) return;
    accepted.push(packet);
    await talk.say(ACCEPTED);
  });
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  await site.put({ i: "0", large: "x".repeat(5000) });
  await site.put({ i: "1" });
  await site.start();
  await site.event("task.settled", 2);
  assertEquals(numbers(accepted), ["1"]);
  const [failed] = site.of("task.settled").filter(({ fate }) => fate.kind === "deferred");
  assert(failed?.fate.kind === "deferred");
  assertStringIncludes(failed.fate.reason, "buffer-size");
  assertEquals(site.of("target.down"), []);
});

Deno.test("a body that the peer refuses while it comes does not break what else goes there", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(async (talk) => {
    const ping = await talk.next();
    if (!ping) return;
    await talk.say(pong());
    if (talk.number === 1) {
      // The first task is the one with the body: refused when a part of it has come.
      await talk.socket.read(new Uint8Array(1000));
      await talk.say(refusal("too much"));
      await talk.silence();
    } else {
      for (let packet = await talk.next(); packet; packet = await talk.next()) {
        accepted.push(packet);
        await talk.say(ACCEPTED);
      }
    }
  });
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  await site.put({ i: "0" }, new Uint8Array(20_000_000));
  await site.put({ i: "1" });
  await site.start();
  await site.event("task.settled", 2);
  assertEquals(numbers(accepted), ["1"]);
  const [failed] = site.of("task.settled").filter(({ fate }) => fate.kind === "deferred");
  assert(failed?.fate.kind === "deferred");
  assertStringIncludes(failed.fate.reason, "too much");
  assertEquals(site.of("target.down"), []);
});

Deno.test("a body above the peer's largest is refused before it is sent", async () => {
  await using peer = new Peer(async (talk) => {
    await talk.next();
    await talk.say(pong("keep-alive,body,id,signature", 1000));
    await talk.silence();
  });
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ i: "0" }, new Uint8Array(1001));
  const { fate } = await site.event("task.settled");
  assert(fate.kind === "deferred");
  assertStringIncludes(fate.reason, "its body has 1001 bytes, the peer accepts 1000");
});

Deno.test("a task whose vars leave no room for an id fails, and says what to do", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(ours(accepted));
  await using site = await ForwardSite.make({ targets: [peer.address], spool: { ordered: true } });
  await site.put({ i: "0", fill: "x".repeat(65_450) });
  await site.put({ i: "1" });
  await site.start();
  const { fate } = await site.event("task.settled");
  assert(fate.kind === "deferred");
  assertStringIncludes(fate.reason, "no room");
  await until(() => accepted.length === 1, "the other one is delivered");
});

Deno.test("failover: the second target gets what the first does not take, until it is back", async () => {
  const first: Received[] = [];
  const second: Received[] = [];
  const port = quietPort();
  await using other = new Peer(ours(second));
  await using site = await ForwardSite.start({ targets: [`127.0.0.1:${port}`, other.address] });
  await site.put({ i: "1" });
  await site.drained();
  assertEquals(numbers(second), ["1"]);
  await using _peer = new Peer(ours(first), port);
  // Whoever is on trial gets a task now and then; with its first one it is back.
  for (let i = 2; first.length === 0; i++) {
    await site.put({ i: String(i) });
    await site.drained();
  }
  await site.event("target.up");
  const before = second.length;
  await site.put({ i: "last" });
  await site.drained();
  assertEquals(numbers(first).at(-1), "last");
  assertEquals(second.length, before);
});

Deno.test("failover: what the first target refuses is offered to the second", async () => {
  const second: Received[] = [];
  await using refusing = new Peer(ours([], () => refusal("not here")));
  await using other = new Peer(ours(second));
  await using site = await ForwardSite.start({ targets: [refusing.address, other.address] });
  await site.put({ i: "1" });
  await site.drained();
  assertEquals(numbers(second), ["1"]);
});

Deno.test("balance: all targets have their share, and a dead one none", async () => {
  const first: Received[] = [];
  const second: Received[] = [];
  await using one = new Peer(ours(first));
  await using two = new Peer(ours(second));
  const dead = `127.0.0.1:${quietPort()}`;
  await using site = await ForwardSite.make({
    targets: [one.address, dead, two.address],
    policy: "balance",
  });
  for (let i = 0; i < 400; i++) await site.put({ i: String(i) });
  await site.start();
  await site.drained();
  assertEquals(new Set(numbers([...first, ...second])).size, 400);
  assert(first.length > 50 && second.length > 50, `${first.length} and ${second.length}`);
});

Deno.test("a stop waits for the answers to what was sent", async () => {
  const accepted: Received[] = [];
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: allowed, resolve: letGo } = Promise.withResolvers<void>();
  await using peer = new Peer(greeted(async (talk) => {
    const packet = await talk.next();
    if (!packet) return;
    arrive();
    await allowed;
    accepted.push(packet);
    await talk.say(ACCEPTED);
    await talk.silence();
  }));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ i: "1" });
  await arrived;
  const stopped = site.stop();
  letGo();
  await stopped;
  assertEquals(accepted.length, 1);
  assertEquals(site.left(), []);
});

Deno.test("one of ours that is taken for a mute uWSGI is sent the id all the same", async () => {
  const accepted: Received[] = [];
  await using peer = new Peer(plain(accepted, { ping: false }));
  await using site = await ForwardSite.start({ targets: [peer.address] });
  await site.put({ i: "1" });
  await site.drained();
  const own: Received[] = [];
  peer.becomes(ours(own));
  await site.put({ i: "2" });
  await site.drained();
  assertEquals(own.map((task) => textOf(task, "i")), ["2"]);
  assert(textOf(own[0] as Received, "spooler_id"));
});
