/** A peer that does something else each time, at random: in the end every task is there. */

import { MODIFIER_PING } from "../../src/wire/packet.ts";
import { assertEquals } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import {
  ACCEPTED,
  Peer,
  pong,
  type Received,
  refusal,
  type Script,
  textOf,
} from "../support/peer.ts";
import { seededRandom } from "../support/random.ts";

const TASKS = 150;

/** Remembers ids, as one of ours does; what it makes of a task is chance. */
function moody(random: () => number, ids: Map<string, Received>): Script {
  return async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      const mood = random();
      if (packet.header.modifier1 === MODIFIER_PING) {
        if (mood < 0.05) return;
        if (mood < 0.1) return await talk.say(pong().subarray(0, 9));
        await talk.say(pong());
        continue;
      }
      if (mood < 0.02) return;
      if (mood < 0.04) return await talk.say(new TextEncoder().encode("what?"));
      if (mood < 0.06) {
        await talk.say(refusal("not now", { temporary: true }));
        continue;
      }
      if (mood < 0.08) {
        await talk.say(refusal("not this one"));
        continue;
      }
      ids.set(textOf(packet, "spooler_id") ?? "", packet);
      if (mood < 0.1) return;
      if (mood < 0.12) return await talk.say(ACCEPTED.subarray(0, 2));
      await talk.say(ACCEPTED);
    }
  };
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  Deno.test(`whatever the peer does, every task arrives, under one id: ${seed}`, async () => {
    const ids = new Map<string, Received>();
    await using peer = new Peer(moody(seededRandom(seed), ids));
    const retry = { delayMs: 20, maxDelayMs: 20, maxRetries: 0 };
    await using site = await ForwardSite.make({
      targets: [peer.address],
      connections: 1 + seed % 3,
      secret: seed % 2 === 0 ? "of two sides" : null,
      spool: { retry, frequencyMs: 100 },
    });
    for (let i = 0; i < TASKS; i++) {
      const body = new TextEncoder().encode(`body of ${i}`);
      await site.put({ i: String(i) }, i % 5 === 0 ? body : undefined);
    }
    await site.start();
    await site.drained();
    // One id for each task, however often it was sent.
    assertEquals(ids.size, TASKS);
    const numbers = [...ids.values()].map((task) => Number(textOf(task, "i")));
    assertEquals(numbers.toSorted((a, b) => a - b), [...Array(TASKS).keys()]);
    for (const task of ids.values()) {
      const i = Number(textOf(task, "i"));
      const wanted = i % 5 === 0 ? `body of ${i}` : "";
      assertEquals(new TextDecoder().decode(task.body), wanted);
    }
  });
}
