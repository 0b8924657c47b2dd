import { pulledMessage } from "../../src/cluster/pulled_message.ts";
import { Room } from "../../src/cluster/room.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const data = new Uint8Array(0);

Deno.test("the reply subject says which message it is, also of servers with domains", () => {
  const replies = [
    "$JS.ACK.jobs.spooler.3.17.20.1795771430051215066.1",
    "$JS.ACK.hub.AB12.jobs.spooler.3.17.20.1795771430051215066.1.x1y2",
    "$JS.ACK._.AB12.jobs.spooler-app%2Esend.3.17.20.1795771430051215066.1",
  ];
  for (const reply of replies) {
    const { sequence, deliveries } = pulledMessage({ reply, data });
    assertEquals([deliveries, sequence], [3, 17], reply);
  }
});

Deno.test("a message that no stream has sent is none", () => {
  for (const reply of ["", "_INBOX.a.b", "$JS.ACK.a", "$JS.ACK.jobs.c.x.y.1.1.1"]) {
    assertThrows(() => pulledMessage({ reply, data }), Error, "no stream has sent");
  }
});

Deno.test("so many are held as were done just now, and twice as many as run", () => {
  let now = 0;
  const clock = { now: () => now, monotonic: () => now, after: () => () => {} };
  const room = new Room(clock);
  assertEquals(room.most(4), 8);
  for (let i = 0; i < 50; i++) room.finished();
  assertEquals(room.most(4), 58);
  now += 250;
  assertEquals(room.most(4), 58);
  now += 250;
  assertEquals(room.most(4), 8);
  for (let i = 0; i < 5000; i++) room.finished();
  assertEquals(room.most(4), 1008);
});
