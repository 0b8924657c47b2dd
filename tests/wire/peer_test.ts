import { answerOf, peerOf, UWSGI } from "../../src/wire/peer.ts";
import { acceptedAnswer, pingAnswer, refusalAnswer } from "../../src/wire/answer.ts";
import { PacketError } from "../../src/wire/packet.ts";
import { PacketReader, type RawPacket } from "../../src/wire/reader.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import type { Signed } from "../../src/wire/signature.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

function packet(...bytes: number[]): RawPacket {
  const reader = new PacketReader();
  reader.push(Uint8Array.from(bytes));
  const read = reader.next();
  assert(read);
  return read;
}

function pong(features: readonly string[]): Uint8Array {
  return pingAnswer({ features, maxBody: 1000, receiver: "hub", request: null });
}

Deno.test("one of ours is known by the answer that this program gives", () => {
  const peer = peerOf(packet(...pong(["keep-alive", "body", "id"])), null);
  assert(peer.kind === "spooler");
  assertEquals([peer.keepAlive, peer.body, peer.maxBody], [true, true, 1000]);
  assertEquals(peer.taskNames, false);
});

Deno.test("a feature that is not named is not there", () => {
  const peer = peerOf(packet(...pong(["id"])), null);
  assert(peer.kind === "spooler");
  assertEquals([peer.keepAlive, peer.body], [false, false]);
});

Deno.test("an answer without vars, or with a warning in their place, is a uWSGI's", () => {
  assertEquals(peerOf(packet(100, 0, 0, 1), null), UWSGI);
  const warning = new TextEncoder().encode("the listen queue is full");
  assertEquals(peerOf(packet(100, warning.length, 0, 1, ...warning), null), UWSGI);
});

Deno.test("what is no answer is an error", () => {
  assertThrows(() => peerOf(packet(72, 0, 0, 1), null), PacketError, "modifier1 72");
  assertThrows(() => answerOf(packet(100, 0, 0, 1), null), PacketError, "modifier1 100");
  assertThrows(() => answerOf(packet(255, 0, 0, 2), null), PacketError, "neither 0 nor 1");
});

Deno.test("a peer's reason stays on its line, and is not without end", () => {
  const reason = `no\n2026-11-23 09:30:00.490 stopped \x1b[2J${"x".repeat(1000)}`;
  const answer = answerOf(
    packet(...refusalAnswer(new RefusalError("request", reason), null)),
    null,
  );
  assert(answer.kind === "refused");
  assertEquals(answer.reason.slice(0, 40), "no·2026-11-23 09:30:00.490 stopped ·[2Jx");
  assertEquals(answer.reason.length, 300);
});

Deno.test("a refusal says whether it is for now, and why", () => {
  const refusal = (isTemporary: boolean) =>
    answerOf(
      packet(...refusalAnswer(new RefusalError("full", "the disk is full", isTemporary), null)),
      null,
    );
  assertEquals(refusal(true), { kind: "later", reason: "the disk is full" });
  assertEquals(refusal(false), { kind: "refused", reason: "the disk is full" });
  assertEquals(answerOf(packet(255, 0, 0, 0), null), {
    kind: "refused",
    reason: "it gives no reason",
  });
  assertEquals(answerOf(packet(255, 0, 0, 1), null), { kind: "accepted" });
});

const PING: Signed = { secret: "of two sides", signature: "0".repeat(64) };
const signedPong = (request: Signed) =>
  packet(...pingAnswer({ features: ["id"], maxBody: 1000, receiver: "hub", request }));

Deno.test("with a secret a ping reply proves who gave it, and brings the receiver's name", () => {
  const peer = peerOf(signedPong(PING), PING);
  assert(peer.kind === "spooler");
  assertEquals(peer.receiver, "hub");
  for (
    const reply of [
      packet(...pong(["id"])),
      signedPong({ ...PING, secret: "of one side" }),
      signedPong({ ...PING, signature: "1".repeat(64) }),
    ]
  ) {
    assertThrows(() => peerOf(reply, PING), PacketError, "not signed with our secret");
  }
});

Deno.test("with a secret only a signed answer counts, whatever it says", () => {
  const refusal = new RefusalError("request", "no");
  assertEquals(answerOf(packet(...acceptedAnswer(PING)), PING), { kind: "accepted" });
  for (const request of [PING, null]) {
    const named = answerOf(packet(...acceptedAnswer(request, "the\nfirst")), request);
    assertEquals(named, { kind: "accepted", name: "the·first" });
  }
  assertEquals(answerOf(packet(...refusalAnswer(refusal, PING)), PING).kind, "refused");
  const other = { ...PING, signature: "1".repeat(64) };
  for (const bytes of [acceptedAnswer(null), acceptedAnswer(other), refusalAnswer(refusal, null)]) {
    assertThrows(() => answerOf(packet(...bytes), PING), PacketError, "not signed with our secret");
  }
  // A no that becomes a yes on the way.
  const turned = refusalAnswer(refusal, PING);
  turned[3] = 1;
  assertThrows(() => answerOf(packet(...turned), PING), PacketError, "not signed");
});
