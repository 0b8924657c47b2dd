import { LARGE_SIZE, PacketMemory, Permits } from "../../src/server/packet_memory.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a permit is given back once, and goes to whoever waits longest", async () => {
  const permits = new Permits(1);
  const first = await permits.take();
  assertEquals(permits.takeNow(), null);
  const order: number[] = [];
  const waiting = [1, 2].map(async (number) => {
    using _permit = await permits.take();
    order.push(number);
  });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all(waiting);
  assertEquals([order, permits.taken], [[1, 2], 0]);
});

Deno.test("large buffers are bounded and used again", async () => {
  const memory = new PacketMemory({ large: 1 });
  const one = await memory.large();
  assertEquals([one.bytes.length, memory.largeNow()], [LARGE_SIZE, null]);
  const next = memory.large();
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  using other = await next;
  assert(other.bytes === one.bytes);
  assertEquals(memory.largeNow(), null);
});
