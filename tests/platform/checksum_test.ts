import fc from "fast-check";
import { checksumOf } from "../../src/platform/checksum.ts";
import { assert, assertEquals } from "../support/assert.ts";

function checksum(bytes: Uint8Array, seed = 0, at = 0): number {
  const memory = new Uint8Array(Math.ceil((at + bytes.length) / 4) * 4);
  memory.set(bytes, at);
  return checksumOf(memory, new Uint32Array(memory.buffer), at, bytes.length, seed);
}

Deno.test("the checksum is XXH32", () => {
  const text = (each: string) => new TextEncoder().encode(each);
  assertEquals(checksum(text("")), 0x02cc5d05);
  assertEquals(checksum(text(""), 1), 0x0b2cb792);
  assertEquals(checksum(text("a")), 0x550d7456);
  assertEquals(checksum(text("abc")), 0x32d153ff);
  assertEquals(checksum(text("Nobody inspects the spammish repetition")), 0xe2293b2f);
  assertEquals(checksum(text("Nobody inspects the spammish repetition"), 0, 8), 0xe2293b2f);
});

Deno.test("every flipped bit changes the checksum", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      fc.nat(7),
      (bytes, index, bit) => {
        const flipped = Uint8Array.from(bytes);
        const at = index % bytes.length;
        flipped[at] = (bytes[at] as number) ^ (1 << bit);
        assert(checksum(flipped) !== checksum(bytes));
      },
    ),
  );
});
