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

Deno.test("peers whose large packets are always here do not keep the event loop from others", async () => {
  const memory = new PacketMemory();
  let isOver = false;
  let packets = 0;
  const peers = Array.from({ length: 100 }, async () => {
    while (!isOver && packets < 100_000) {
      using _buffer = memory.largeNow() ?? await memory.large();
      packets++;
    }
  });
  // Each is a turn of the event loop, as an accept or a read of somebody else.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  isOver = true;
  await Promise.all(peers);
  assert(packets < 10_000, `${packets} packets in 10 turns`);
});
