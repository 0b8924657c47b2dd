/**
 * The control of a siege: what the same clients wait on this machine, under the same attackers, for a
 * server that does next to nothing. `idle_server.ts CLIENTS' FILE PORT…`: the first port is the clients':
 * a task is one write and one sync of a file, and a yes. On the others, which the attackers have, what
 * comes is read and thrown away for a second, and then the connection is closed.
 */

import { quietly } from "../../../src/platform/quietly.ts";
import { ACCEPTED } from "../../support/peer.ts";

const SECOND_MS = 1000;
const [path = "", first = "0", ...others] = Deno.args;
const file = Deno.openSync(path, { write: true, create: true });
const record = new Uint8Array(4096);

async function serve(port: string, talk: (connection: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
  while (true) {
    // It fails for a connection that was reset.
    const connection = await listener.accept().catch(() => null);
    if (connection !== null) void finish(connection, talk(connection));
  }
}

async function finish(connection: Deno.TcpConn, talk: Promise<void>): Promise<void> {
  await talk.catch(() => {});
  quietly(() => connection.close());
}

async function accept(connection: Deno.TcpConn): Promise<void> {
  await connection.read(new Uint8Array(4096));
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(record);
  file.syncDataSync();
  await connection.write(ACCEPTED);
}

async function ignore(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  const timer = setTimeout(() => quietly(() => connection.close()), SECOND_MS);
  try {
    while (await connection.read(buffer) !== null);
  } finally {
    clearTimeout(timer);
  }
}

serve(first, accept);
for (const port of others) serve(port, ignore);
console.log("ready");
// Whoever started it has stopped it, or has died.
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(0);
