import { hangUp } from "../../src/platform/tcp_socket.ts";
import "../support/kept_library.ts";
import { writeAll } from "../../src/wire/client.ts";
import { assertRejects } from "../support/assert.ts";

/** More than two sockets keep for a peer that reads nothing. */
const MORE_THAN_FITS = new Uint8Array(64 * 1024 * 1024);

/** Resolves when the other side has ended it. */
async function readToEnd(connection: Deno.Conn): Promise<void> {
  const ignored = new Uint8Array(64 * 1024);
  try {
    while (await connection.read(ignored) !== null);
  } catch {
    // It was reset.
  }
}

Deno.test("who reads nothing is hung up on while a write waits for it, and the socket is closed", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using peer = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const connection = await listener.accept();
  const writing = writeAll(connection, MORE_THAN_FITS);
  const failed = assertRejects(() => writing, Error);
  hangUp(connection, true);
  await failed;
  await readToEnd(peer);
  hangUp(connection, true);
});
