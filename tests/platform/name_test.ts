import fc from "fast-check";
import { nameFromBytes, nameFromShown, nameToBytes, nameToShow } from "../../src/platform/name.ts";
import { assert, assertEquals } from "../support/assert.ts";

function bytesOf(name: string): Uint8Array {
  const into = new Uint8Array(4096);
  return into.slice(0, nameToBytes(name, into));
}

Deno.test("the text of a name says exactly which bytes it has", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    // Mostly text, with bytes among it that fit nowhere.
    fc.array(
      fc.oneof(
        fc.string({ unit: "grapheme" }).map((text) => new TextEncoder().encode(text)),
        fc.uint8Array({ min: 0x80, maxLength: 3 }),
      ),
      { maxLength: 6 },
    ).map((parts) => Uint8Array.from(parts.flatMap((part) => [...part]))),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    assertEquals(bytesOf(nameFromBytes(bytes)), bytes);
  }));
});

Deno.test("what is text stays as it is", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assertEquals(nameFromBytes(new TextEncoder().encode(text)), text);
    assertEquals(nameToShow(text), text);
  }));
});

Deno.test("bytes that are no text show as numbers, and can be typed so", () => {
  const name = nameFromBytes(Uint8Array.of(0x61, 0xff, 0xc3, 0xa4, 0x80));
  assertEquals(nameToShow(name), "a\\xffä\\x80");
  assertEquals(nameFromShown("a\\xffä\\x80"), name);
  assert(!name.isWellFormed());
});
