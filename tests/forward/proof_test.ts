/** With a secret a target has to prove who it is, before and behind each task. */

import { acceptedAnswer } from "../../src/wire/answer.ts";
import { MODIFIER_PING } from "../../src/wire/packet.ts";
import { signedOf } from "../../src/wire/signed_answer.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import {
  ACCEPTED,
  ours,
  Peer,
  type Received,
  refusal,
  type Script,
  signedPong,
  textOf,
} from "../support/peer.ts";
import { openReception } from "../support/reception.ts";
import { until } from "../support/until.ts";

const SECRET = "of two sides";
const RECORDED = { secret: SECRET, signature: "0".repeat(64) };
const HUB = [`spooler-secret = ${SECRET}`];

/** Answers pings as somebody who has the secret, and does with each task what `task` says. */
function proven(task: (packet: Received, talk: Parameters<Script>[0]) => Promise<unknown>): Script {
  return async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      const request = signedOf(packet.vars, SECRET);
      if (packet.header.modifier1 !== MODIFIER_PING) await task(packet, talk);
      else if (request) await talk.say(signedPong(request));
    }
  };
}

for (
  const [what, script, seen] of [
    ["answers pings without a signature", ours([]), "its ping reply is not signed"],
    ["has another secret", ours([], () => null, "of another pair"), "its ping reply is not signed"],
    [
      "plays a recorded ping reply",
      async (talk) => {
        await talk.next();
        await talk.say(signedPong(RECORDED));
        await talk.silence();
      },
      "its ping reply is not signed",
    ],
    [
      "says yes without a signature",
      proven((_, talk) => talk.say(ACCEPTED)),
      "its answer to a signed task is not signed",
    ],
    [
      "says no without a signature",
      proven((_, talk) => talk.say(refusal("no such spool"))),
      "its answer to a signed task is not signed",
    ],
    [
      "plays a recorded yes",
      proven((_, talk) => talk.say(acceptedAnswer(RECORDED))),
      "its answer to a signed task is not signed",
    ],
  ] as [string, Script, string][]
) {
  Deno.test(`with a secret an impostor that ${what} swallows nothing`, async () => {
    await using peer = new Peer(script);
    await using site = await ForwardSite.make({ targets: [peer.address], secret: SECRET });
    for (let i = 0; i < 5; i++) await site.put({ i: String(i) });
    await site.start();
    assertStringIncludes((await site.event("target.down")).reason, seen);
    await until(() => peer.connections >= 5, "it tries again and again");
    assertEquals([site.of("task.settled"), site.left().length], [[], 5]);
    const accepted: Received[] = [];
    peer.becomes(ours(accepted, () => null, SECRET));
    await site.drained();
    assertEquals(new Set(accepted.map((task) => textOf(task, "i"))).size, 5);
  });
}

Deno.test("what is signed for one hub is not accepted by another with the same secret", async () => {
  await using meant = await openReception({ ini: [...HUB, "spooler-name = one"] });
  await using other = await openReception({ ini: [...HUB, "spooler-name = two"] });
  // Between them sits somebody who lets the ping through to the right one, and diverts the tasks.
  await using between = new Peer(async ({ socket }) => {
    const ends = await Promise.all([meant, other].map(({ port }) => Deno.connect({ port })));
    const [right, wrong] = ends as [Deno.TcpConn, Deno.TcpConn];
    const buffer = new Uint8Array(65536);
    const pass = async (from: Deno.Conn, to: Deno.Conn) => {
      const count = await from.read(buffer);
      if (count === null) throw new Error("closed");
      await to.write(buffer.slice(0, count));
    };
    try {
      await pass(socket, right);
      await pass(right, socket);
      while (true) {
        await pass(socket, wrong);
        await pass(wrong, socket);
      }
    } finally {
      for (const end of ends) end.close();
    }
  });
  await using site = await ForwardSite.start({ targets: [between.address], secret: SECRET });
  await site.put({ n: "1" });
  const { reason } = await site.event("target.down");
  assertStringIncludes(reason, 'signed for another receiver: spooler_to is "one", not "two"');
  await until(() => between.connections >= 3, "it tries again");
  assertEquals([...other.store.scan()].flat().length, 0);
  assertEquals([site.of("task.settled"), site.left().length], [[], 1]);
});

Deno.test("a target with another name than the ini says gets nothing", async () => {
  await using hub = await openReception({ ini: [...HUB, "spooler-name = hub-b"] });
  const settings = { targets: [`127.0.0.1:${hub.port}`], secret: SECRET };
  await using wrong = await ForwardSite.start({ ...settings, receiver: "hub-a" });
  await wrong.put({ n: "1" });
  const { reason } = await wrong.event("target.down");
  assertEquals(reason, 'its spooler-name is "hub-b", and the ini says name=hub-a');
  await using right = await ForwardSite.start({ ...settings, receiver: "hub-b" });
  await right.put({ n: "2" });
  await right.drained();
  assert([...hub.store.scan()].flat().length === 1);
});

Deno.test("a hub without a name is a new receiver after each start, and tasks follow it", async () => {
  const first = await openReception({ ini: HUB });
  const { port } = first;
  await using site = await ForwardSite.start({ targets: [`127.0.0.1:${port}`], secret: SECRET });
  await site.put({ n: "1" });
  await site.drained();
  await first[Symbol.asyncDispose]();
  await site.put({ n: "2" });
  await site.event("target.down");
  await using again = await openReception({ ini: [...HUB, `socket = 127.0.0.1:${port}`] });
  await site.drained();
  assertEquals([...again.store.scan()].flat().length, 1);
});
