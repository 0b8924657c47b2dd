import fc from "fast-check";
import {
  decodeHeader,
  decodeVars,
  encodePacket,
  findText,
  HEADER_SIZE,
  MODIFIER_SPOOL,
  PacketError,
  textVar,
  withoutVar,
} from "../../src/wire/packet.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("a packet has the bytes that uWSGI writes", () => {
  const packet = encodePacket([textVar("name", "world")], MODIFIER_SPOOL);
  assertEquals(
    [...packet],
    [17, 13, 0, 0, 4, 0, ...new TextEncoder().encode("name"), 5, 0, 119, 111, 114, 108, 100],
  );
});

Deno.test("what is encoded is decoded again, whatever the bytes", () => {
  const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 300 });
  const vars = fc.array(fc.record({ name: bytes(1), value: bytes(0) }), { maxLength: 50 });
  fc.assert(fc.property(vars, (given) => {
    const packet = encodePacket(given, MODIFIER_SPOOL, 3);
    assertEquals(decodeHeader(packet), {
      modifier1: MODIFIER_SPOOL,
      size: packet.length - HEADER_SIZE,
      modifier2: 3,
    });
    const decoded = decodeVars(packet.subarray(HEADER_SIZE));
    const plain = (list: typeof given) => list.map(({ name, value }) => [[...name], [...value]]);
    assertEquals(plain(decoded as typeof given), plain(given));
  }));
});

Deno.test("any bytes are either vars or a PacketError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      decodeVars(bytes);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
    }
  }));
});

Deno.test("a length that overruns is named with its byte", () => {
  assertThrows(() => decodeVars(Uint8Array.of(9, 0, 65)), PacketError, "at byte 0 says 9 bytes");
  assertThrows(() => decodeVars(Uint8Array.of(1, 0, 65, 5)), PacketError, "a value at byte 3");
  assertThrows(() => decodeVars(Uint8Array.of(0, 0, 0, 0)), PacketError, "is empty");
});

Deno.test("a packet holds 65,535 bytes and not one more", () => {
  const value = "x".repeat(65_535 - 4 - 1);
  assertEquals(encodePacket([textVar("k", value)], 17).length, HEADER_SIZE + 65_535);
  assertThrows(() => encodePacket([textVar("k", `${value}x`)], 17), PacketError, "65536 bytes");
});

Deno.test("of a repeated key the last value counts", () => {
  const vars = [textVar("a", "1"), textVar("b", "2"), textVar("a", "3")];
  assertEquals(findText(vars, "a"), "3");
  assertEquals(withoutVar(vars, "a").length, 1);
  assertEquals(findText(vars, "c"), undefined);
});
