/** A body that is handed on while it arrives. */

import { BodyInput } from "../../src/server/body.ts";
import { PacketMemory } from "../../src/server/packet_memory.ts";
import { RefusalError } from "../../src/wire/refusal.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const SIZE = 3;

function bodyOf(changed: (body: BodyInput) => void): BodyInput {
  const body: BodyInput = new BodyInput({
    ...{ size: SIZE, first: new Uint8Array(), memory: new PacketMemory() },
    changed: () => changed(body),
  });
  return body;
}

Deno.test("a piece that comes while it is asked for is handed on", async () => {
  const body = bodyOf((body) => {
    if (body.isWhole) return;
    body.space().fill(7);
    body.came(SIZE);
  });
  const pieces = await Array.fromAsync(body.pieces(), (piece) => [...piece]);
  assertEquals(pieces, [[7, 7, 7]]);
});

Deno.test("a body that fails while it is asked for fails its reader alone", async () => {
  const refusal = new RefusalError("cut off", "the peer closed", true);
  const body = bodyOf((body) => body.fail(refusal));
  const error = await assertRejects(() => Array.fromAsync(body.pieces()), RefusalError);
  assertEquals(error, refusal);
});
