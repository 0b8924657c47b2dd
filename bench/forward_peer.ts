/**
 * A peer that says yes to every task and keeps none: how fast a forwarder is when the receiver costs
 * nothing. Prints its port, and is there until it is killed.
 */

import { writeAll } from "../src/wire/client.ts";
import { MODIFIER_PING } from "../src/wire/packet.ts";
import { PacketReader } from "../src/wire/reader.ts";
import { ACCEPTED, pong } from "../tests/support/peer.ts";

const MOST_ANSWERS = 16_384;

async function answer(socket: Deno.Conn): Promise<void> {
  const reader = new PacketReader();
  const answers = new Uint8Array(MOST_ANSWERS * ACCEPTED.length);
  for (let i = 0; i < MOST_ANSWERS; i++) answers.set(ACCEPTED, i * ACCEPTED.length);
  while (true) {
    const count = await socket.read(reader.space());
    if (count === null) return;
    reader.filled(count);
    let tasks = 0;
    for (let packet = reader.next(); packet; packet = reader.next()) {
      if (packet.header.modifier1 === MODIFIER_PING) await writeAll(socket, pong());
      else tasks++;
    }
    await writeAll(socket, answers.subarray(0, tasks * ACCEPTED.length));
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log((listener.addr as Deno.NetAddr).port);
for await (const socket of listener) {
  (socket as Deno.TcpConn).setNoDelay(true);
  answer(socket).catch(() => {
    // The forwarder has gone.
  });
}
