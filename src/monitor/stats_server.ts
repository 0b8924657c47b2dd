/** `stats`: writes the statistics to each connection, and closes it. */

import type { Clock } from "../platform/clock.ts";
import { quietly } from "../platform/quietly.ts";
import { hangUp } from "../platform/tcp_socket.ts";
import { type Address, addressText } from "../wire/address.ts";
import { writeAll } from "../wire/client.ts";
import { fileAt, listenAt, makeWay, type MonitorAccess } from "./monitor_socket.ts";
import type { MonitorServer } from "./monitors.ts";

export interface StatsServerOptions {
  readonly address: Address;
  readonly access: MonitorAccess;
  readonly clock: Clock;
  /** All that is written. */
  answer(): Promise<{ readonly text: string; readonly isHttp: boolean }>;
}

/** A reader that is slower is hung up on. */
const LIMIT_MS = 4000;
/** Who sends no request is answered all the same, as uWSGI does. */
const REQUEST_MS = 1000;
const MOST_CONNECTIONS = 64;
const ACCEPT_AGAIN_MS = 100;

const HEADER = "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n";

export async function openStatsServer(options: StatsServerOptions): Promise<MonitorServer> {
  const { address, access, clock } = options;
  await makeWay(address);
  const listener = listenAt(address, access);
  const file = fileAt(address);
  const open = new Set<Deno.Conn>();
  let isClosed = false;

  const serve = async (connection: Deno.Conn) => {
    open.add(connection);
    const cancel = clock.after(LIMIT_MS, () => hangUp(connection, true));
    try {
      const { text, isHttp } = await options.answer();
      if (isHttp) await requestOf(connection, clock);
      await writeAll(connection, new TextEncoder().encode(isHttp ? HEADER + text : text));
      await connection.closeWrite();
    } catch {
      // It has hung up.
    } finally {
      cancel();
      open.delete(connection);
      quietly(() => connection.close());
    }
  };
  const accept = async () => {
    while (!isClosed) {
      try {
        const connection = await listener.accept();
        if (open.size >= MOST_CONNECTIONS) connection.close();
        else void serve(connection);
      } catch {
        if (!isClosed) await new Promise<void>((done) => void clock.after(ACCEPT_AGAIN_MS, done));
      }
    }
  };
  void accept();
  return {
    address: addressOf(listener, address),
    close() {
      isClosed = true;
      listener.close();
      file?.afterClose();
      for (const connection of open) quietly(() => connection.close());
      return Promise.resolve();
    },
  };
}

function addressOf(listener: Deno.Listener, address: Address): string {
  const { addr } = listener;
  if (addr.transport !== "tcp") return addressText(address);
  return addressText({ kind: "tcp", host: addr.hostname, port: addr.port });
}

/** What it asks for does not matter; unread it would break the connection off. */
async function requestOf(connection: Deno.Conn, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<null>();
  const cancel = clock.after(REQUEST_MS, () => late.resolve(null));
  await Promise.race([connection.read(new Uint8Array(8192)).catch(() => null), late.promise]);
  cancel();
}
