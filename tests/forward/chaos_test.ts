/** A peer that does something else each time, at random: in the end every task is there. */

import { acceptedAnswer, refusalAnswer } from "../../src/wire/answer.ts";
import { MODIFIER_PING } from "../../src/wire/packet.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { signedOf } from "../../src/wire/signed_answer.ts";
import { assertEquals } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import { Peer, pong, type Received, type Script, signedPong, textOf } from "../support/peer.ts";
import { seededRandom } from "../support/random.ts";

const TASKS = 150;
const SECRET = "of two sides";

/** Remembers ids, as one of ours does; what it makes of a task is chance. */
function moody(random: () => number, ids: Map<string, Received>, secret: string): Script {
  return async (talk) => {
    for (let packet = await talk.next(); packet; packet = await talk.next()) {
      const request = signedOf(packet.vars, secret);
      const refuse = (reason: string, isTemporary: boolean) =>
        talk.say(refusalAnswer(new RefusalError("full", reason, isTemporary), request));
      const reply = request ? signedPong(request) : pong();
      const mood = random();
      if (packet.header.modifier1 === MODIFIER_PING) {
        if (mood < 0.05) return;
        if (mood < 0.1) return await talk.say(reply.subarray(0, 9));
        await talk.say(reply);
        continue;
      }
      if (mood < 0.02) return;
      if (mood < 0.04) return await talk.say(new TextEncoder().encode("what?"));
      if (mood < 0.06) {
        await refuse("not now", true);
        continue;
      }
      if (mood < 0.08) {
        await refuse("not this one", false);
        continue;
      }
      ids.set(textOf(packet, "spooler_id") ?? "", packet);
      if (mood < 0.1) return;
      if (mood < 0.12) return await talk.say(acceptedAnswer(request).subarray(0, 2));
      await talk.say(acceptedAnswer(request));
    }
  };
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  Deno.test(`whatever the peer does, every task arrives, under one id: ${seed}`, async () => {
    const ids = new Map<string, Received>();
    await using peer = new Peer(moody(seededRandom(seed), ids, SECRET));
    const retry = { delayMs: 20, maxDelayMs: 20, maxRetries: 0 };
    await using site = await ForwardSite.make({
      targets: [peer.address],
      connections: 1 + seed % 3,
      secret: seed % 2 === 0 ? SECRET : null,
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
