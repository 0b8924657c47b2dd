import fc from "fast-check";
import {
  encodePacket,
  KEEP_OPEN,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  textVar,
  WITH_BODY,
} from "../../src/wire/packet.ts";
import { encodeBodySize, PacketReader, type RawPacket } from "../../src/wire/reader.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("packets come out whole, however the stream is cut", () => {
  const packets = [
    encodePacket([textVar("a", "1")], 17),
    encodePacket([], 100),
    encodePacket([textVar("long", "x".repeat(1000)), textVar("b", "")], 17, 1),
  ];
  const stream = new Uint8Array(packets.flatMap((packet) => [...packet]));
  const cuts = fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 20 });
  fc.assert(fc.property(cuts, (positions) => {
    const reader = new PacketReader();
    const got: number[][] = [];
    let from = 0;
    for (const to of [...positions.sort((a, b) => a - b), stream.length]) {
      reader.push(stream.subarray(from, to));
      from = to;
      for (let packet = reader.next(); packet; packet = reader.next()) {
        got.push([packet.header.modifier1, packet.header.modifier2, ...packet.vars]);
      }
    }
    assertEquals(
      got,
      packets.map((packet) => [packet[0] ?? -1, packet[3] ?? -1, ...packet.subarray(4)]),
    );
    assertEquals(reader.pending, 0);
  }));
});

Deno.test("what was taken stays as it came, whatever comes behind it", () => {
  const packetOf = (n: number) =>
    encodePacket([textVar("n", String(n).repeat(1 + (n * 37) % 1500))], 17, n % 3 === 0 ? 1 : 0);
  const reader = new PacketReader();
  const taken: { readonly packet: RawPacket; readonly wanted: Uint8Array }[] = [];
  for (let n = 0; n < 200; n++) {
    const packet = packetOf(n);
    // The end of one and the start of the next come together.
    reader.push(packet.subarray(0, n % packet.length));
    reader.push(packet.subarray(n % packet.length));
    const next = reader.next();
    if (next !== null) taken.push({ packet: next, wanted: packet });
  }
  assertEquals(taken.length, 200);
  for (const { packet: { vars, file }, wanted } of taken) {
    assertEquals(vars, wanted.subarray(4));
    // The same without what its header says of the connection.
    assertEquals(file, Uint8Array.from(wanted, (byte, n) => n === 3 ? 0 : byte));
  }
});

Deno.test("nothing but a packet of a task that has all of it is ready to be its file", () => {
  const reader = new PacketReader();
  reader.push(encodePacket([textVar("a", "1")], MODIFIER_PING));
  assertEquals(reader.next()?.file, null);
  for (const keepsOpen of [0, KEEP_OPEN]) {
    reader.push(encodePacket([textVar("a", "1")], MODIFIER_SPOOL, WITH_BODY | keepsOpen));
    reader.push(encodeBodySize(0));
    assertEquals(reader.next()?.file, null);
  }
});

Deno.test("a packet that is not all there waits", () => {
  const reader = new PacketReader();
  reader.push(Uint8Array.of(17, 5));
  assertEquals(reader.next(), null);
  reader.push(Uint8Array.of(0, 0, 1, 2));
  assertEquals(reader.next(), null);
  assertEquals(reader.pending, 6);
});

Deno.test("packets that nobody takes are an error when they leave no room, not a wait without end", () => {
  const reader = new PacketReader();
  const packet = encodePacket([textVar("a", "1")], 17);
  assertThrows(
    () => {
      for (let n = 0; n < 1000; n++) reader.push(packet);
    },
    Error,
    "no room",
  );
});
