/** A target that is slower than its timeout: the wait for an answer grows, and the id stays. */

import { MODIFIER_PING } from "../../src/wire/packet.ts";
import { Patience } from "../../src/forward/patience.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import { ACCEPTED, Peer, pong, textOf } from "../support/peer.ts";

Deno.test("the wait for an answer doubles up to sixteen times, until an answer is quick", () => {
  const patience = new Patience(30_000);
  const waits = Array.from({ length: 6 }, () => {
    const wait = patience.ms / 1000;
    patience.ranOut();
    return wait;
  });
  assertEquals(waits, [30, 60, 120, 240, 480, 480]);
  patience.answeredAfter(30_001);
  assertEquals(patience.ms, 480_000);
  patience.answeredAfter(30_000);
  assertEquals(patience.ms, 30_000);
});

Deno.test("a target that takes three times its timeout has each task in the end, under one id", async () => {
  const slowness = 600;
  const sent: { id: string; at: number }[] = [];
  const stored = new Set<string>();
  await using peer = new Peer(async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      if (packet.header.modifier1 === MODIFIER_PING) {
        await talk.say(pong());
        continue;
      }
      const id = textOf(packet, "spooler_id") ?? "";
      sent.push({ id, at: performance.now() });
      await new Promise((resolve) => setTimeout(resolve, slowness));
      stored.add(id);
      await talk.say(ACCEPTED);
    }
  });
  await using site = await ForwardSite.start({ targets: [peer.address], timeoutMs: 200 });
  await site.put({ n: "1" });
  await site.drained();
  assertEquals(stored.size, 1);
  assert(sent.length >= 3, `sent ${sent.length} times`);
  assertEquals(new Set(sent.map(({ id }) => id)).size, 1);
  const waits = sent.slice(1).map(({ at }, i) => at - (sent[i]?.at ?? 0));
  for (const [i, wait] of waits.entries()) assert(wait >= 200 * 2 ** i, `waited ${waits}`);
  const { reason } = await site.event("target.down");
  assertEquals(reason, "no answer for 0.2 s");
  // What has been learnt holds for the next task: it is sent once.
  const before = sent.length;
  await site.put({ n: "2" });
  await site.drained();
  assertEquals(sent.length, before + 1);
});
