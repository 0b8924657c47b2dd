import { AnswersTogether } from "../../src/server/answers_together.ts";
import { Conversation } from "../../src/server/conversation.ts";
import { Deadlines } from "../../src/server/deadlines.ts";
import type { TaskDone } from "../../src/server/incoming_task.ts";
import { PacketMemory } from "../../src/server/packet_memory.ts";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { assertEquals } from "../support/assert.ts";
import { rulesWith } from "../support/conversation_rules.ts";
import { FakeClock } from "../support/clock.ts";
import { varsOf } from "../support/store.ts";

const ANSWER_SIZE = 4;

/** Connections that stay open, whose tasks are accepted when the test says so. */
function door() {
  const clock = new FakeClock();
  const together = new AnswersTogether();
  /** Of each send: whose it was, and how many answers. */
  const sends: [name: string, answers: number][] = [];
  const waiting: TaskDone[] = [];
  const options = {
    ...{ clock, together, deadlines: new Deadlines(clock), memory: new PacketMemory() },
    round: { number: 0, isLong: false, next: () => {} },
    rules: () => rulesWith((_, done) => void waiting.push(done)),
    refused: () => {},
  };
  const packet = encodePacket(varsOf({ n: "1" }), MODIFIER_SPOOL, KEEP_OPEN);
  return {
    ...{ together, sends, waiting },
    meet(name: string) {
      let isFinished = false;
      const transport = {
        peer: { from: name, ip: null, credential: null, sender: name },
        read: () => {},
        send: ({ length }: Uint8Array) => sends.push([name, length / ANSWER_SIZE]) > 0,
        closeWrite: () => {},
        close: () => {},
      };
      const owner = { active: () => {}, finished: () => isFinished = true };
      const conversation = new Conversation(options, owner, { makeTransport: () => transport });
      conversation.start();
      return {
        conversation,
        say(count: number) {
          for (let n = 0; n < count; n++) {
            conversation.space().set(packet);
            conversation.came(packet.length);
          }
        },
        get isFinished() {
          return isFinished;
        },
      };
    },
  };
}

Deno.test("answers to a connection that become known one after the other share a send", () => {
  const { meet, together, sends, waiting } = door();
  const [one, other] = [meet("one"), meet("other")];
  one.say(3);
  other.say(2);
  one.say(1);
  const result = together.gather(() => {
    for (const done of waiting) done(null);
    // Those of others need not wait for all.
    assertEquals(sends, [["one", 3], ["other", 2]]);
    return "what it returns";
  });
  assertEquals(sends, [["one", 3], ["other", 2], ["one", 1]]);
  assertEquals(result, "what it returns");
});

Deno.test("an answer that becomes known alone is sent at once", () => {
  const { meet, sends, waiting } = door();
  meet("one").say(2);
  for (const done of waiting) done(null);
  assertEquals(sends, [["one", 1], ["one", 1]]);
});

Deno.test("answers that are known are sent, whatever fails behind them", () => {
  const { meet, together, sends, waiting } = door();
  meet("one").say(2);
  try {
    together.gather(() => {
      for (const done of waiting) done(null);
      throw new Error("the disk is gone");
    });
  } catch { /* it is this one */ }
  assertEquals(sends, [["one", 2]]);
});

Deno.test("a connection that ends before its answers are sent is finished, and gets none", () => {
  const { meet, together, sends, waiting } = door();
  const one = meet("one");
  one.say(1);
  together.gather(() => {
    waiting[0]?.(null);
    one.conversation.end(new RefusalError("slow", "it has waited for long enough"));
  });
  assertEquals([sends, one.isFinished], [[], true]);
});
