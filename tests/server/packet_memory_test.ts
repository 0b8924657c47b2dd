import { Permits } from "../../src/platform/permits.ts";
import { type Buffer, LARGE_SIZE, PacketMemory } from "../../src/server/packet_memory.ts";
import { assert, assertEquals } from "../support/assert.ts";

const large = (memory: PacketMemory) => new Promise<Buffer>((granted) => memory.large(granted));

Deno.test("a permit is given back once, and goes to whoever waits longest", () => {
  const permits = new Permits(1);
  const first = permits.takeNow();
  assertEquals(permits.takeNow(), null);
  const order: number[] = [];
  for (const number of [1, 2]) {
    permits.take((permit) => {
      order.push(number);
      permit[Symbol.dispose]();
    });
  }
  assertEquals(order, []);
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  assertEquals([order, permits.taken], [[1, 2], 0]);
});

Deno.test("large buffers are bounded and used again", async () => {
  const memory = new PacketMemory({ large: 1 });
  const one = await large(memory);
  assertEquals([one.bytes.length, memory.largeNow()], [LARGE_SIZE, null]);
  const next = large(memory);
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
      using _buffer = memory.largeNow() ?? await large(memory);
      packets++;
    }
  });
  // Each is a turn of the event loop, as an accept or a read of somebody else.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  isOver = true;
  await Promise.all(peers);
  assert(packets < 10_000, `${packets} packets in 10 turns`);
});
