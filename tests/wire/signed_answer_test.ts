import fc from "fast-check";
import { PacketReader } from "../../src/wire/reader.ts";
import { decodeVars, MODIFIER_ANSWER, MODIFIER_PING, textVar } from "../../src/wire/packet.ts";
import { deliveryVars, type Signed } from "../../src/wire/signature.ts";
import {
  answerPacket,
  isAnswerTo,
  pingVars,
  receiverName,
  signedOf,
} from "../../src/wire/signed_answer.ts";
import { assert, assertEquals } from "../support/assert.ts";

const SECRET = "correct horse battery";
const YES = { modifier1: MODIFIER_ANSWER, modifier2: 1 };
const NO = { modifier1: MODIFIER_ANSWER, modifier2: 0 };

function requestOf(id: string, secret = SECRET): Signed {
  const signed = signedOf(deliveryVars([], { id, to: "hub", sentAt: 1 }, secret), secret);
  assert(signed !== null);
  return signed;
}

function varsIn(packet: Uint8Array) {
  const reader = new PacketReader();
  reader.push(packet);
  const raw = reader.next();
  assert(raw !== null);
  return decodeVars(raw.vars);
}

Deno.test("a signed answer is good for its request, and for no other", () => {
  const vars = varsIn(answerPacket([], YES, requestOf("one")));
  assert(isAnswerTo(requestOf("one"), vars, YES));
  assert(!isAnswerTo(requestOf("two"), vars, YES));
  assert(!isAnswerTo(requestOf("one", "another secret"), vars, YES));
});

Deno.test("a no cannot be made a yes, nor the answer to a ping one to a task", () => {
  const request = requestOf("one");
  const vars = varsIn(answerPacket([textVar("reason", "full")], NO, request));
  assert(isAnswerTo(request, vars, NO));
  assert(!isAnswerTo(request, vars, YES));
  assert(!isAnswerTo(request, vars, { modifier1: MODIFIER_PING, modifier2: 0 }));
  assert(!isAnswerTo(request, vars.slice(1), NO));
  assert(!isAnswerTo(request, [], NO));
});

Deno.test("a request without a signature gets the answer of version 0", () => {
  assertEquals([...answerPacket([], YES, null)], [255, 0, 0, 1]);
});

Deno.test("the answer to a ping says the name of the receiver", () => {
  const request = signedOf(pingVars("0123", SECRET), SECRET);
  assert(request !== null);
  const modifiers = { modifier1: MODIFIER_PING, modifier2: 1 };
  const vars = varsIn(answerPacket([textVar("name", "hub")], modifiers, request));
  assert(isAnswerTo(request, vars, modifiers));
  assertEquals(receiverName(vars), "hub");
  assertEquals(receiverName([textVar("name", "a hub")]), undefined);
});

Deno.test("whatever an answer says, one changed byte makes it no answer", () => {
  const request = requestOf("one");
  const text = fc.string({ maxLength: 30 });
  fc.assert(fc.property(text, fc.nat(), fc.integer({ min: 1, max: 255 }), (reason, at, change) => {
    const packet = answerPacket([textVar("reason", reason)], NO, request);
    const where = 4 + at % (packet.length - 4);
    packet[where] = (packet[where] ?? 0) ^ change;
    let vars;
    try {
      vars = varsIn(packet);
    } catch {
      return;
    }
    assert(!isAnswerTo(request, vars, NO));
  }));
});
