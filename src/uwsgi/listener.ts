/**
 * Accepts packets on a socket and answers them as uWSGI does: one packet a connection, `255,0,0,1`
 * for a task that is accepted, `255,0,0,0` for one that is refused, and an answer to a ping.
 *
 * What makes a task accepted is the caller's business; the answer waits for it.
 */

import { chmodSync } from "node:fs";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import { type Address, addressText } from "./address.ts";
import {
  decodeVars,
  encodeHeader,
  MODIFIER_ANSWER,
  MODIFIER_PING,
  MODIFIER_SPOOL,
  PacketError,
  type Var,
} from "./packet.ts";
import { PacketReader, type RawPacket } from "./reader.ts";
import { RequestError } from "./request.ts";

export interface ListenerOptions {
  readonly address: Address;
  readonly clock: Clock;
  readonly emit: Emit;
  /**
   * Takes responsibility for a task; the peer is told what this resolves to.
   *
   * @returns false when it is refused for a reason that was told already, such as a full disk
   * @throws {RequestError} when it is refused for a reason of its own
   */
  accept(vars: readonly Var[], from: string): Promise<boolean>;
}

/** A peer that has not sent its packet by then is hung up on. */
const PACKET_TIMEOUT_MS = 4_000;
const UNIX_SOCKET_MODE = 0o660;

export const ACCEPTED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 1 });
export const REFUSED = encodeHeader({ modifier1: MODIFIER_ANSWER, size: 0, modifier2: 0 });

export class Listener {
  readonly #options: ListenerOptions;
  readonly #listener: Deno.Listener;
  readonly #connections = new Map<Deno.Conn, Promise<void>>();
  readonly #serving: Promise<void>;

  /** @throws {Deno.errors.AddrInUse} and others, when the address cannot be listened on */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#listener = listen(options.address);
    this.#serving = this.#serve();
  }

  /** Where it listens, with the port the system chose when the ini said 0. */
  get address(): string {
    const addr = this.#listener.addr;
    return addr.transport === "tcp"
      ? addressText({ kind: "tcp", host: addr.hostname, port: addr.port })
      : addressText(this.#options.address);
  }

  /** Takes no more connections; resolves when those that are open have their answer. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#serving;
    await Promise.all(this.#connections.values());
    const { address } = this.#options;
    if (address.kind === "unix") await Deno.remove(address.path).catch(() => {});
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      const serving = this.#converse(connection)
        .finally(() => this.#connections.delete(connection));
      this.#connections.set(connection, serving);
    }
  }

  /** One connection: read a packet, answer it, close. */
  async #converse(connection: Deno.Conn): Promise<void> {
    const { clock, emit } = this.#options;
    const from = peerText(connection);
    let timedOut = false;
    const cancelTimeout: Cancel = clock.after(PACKET_TIMEOUT_MS, () => {
      timedOut = true;
      connection.close();
    });
    try {
      const packet = await readPacket(connection);
      cancelTimeout();
      if (packet) await this.#answer(connection, packet, from);
    } catch (error) {
      const reason = timedOut
        ? `no whole packet within ${PACKET_TIMEOUT_MS / 1000} s`
        : error instanceof Error
        ? error.message
        : String(error);
      emit({ type: "packet.refused", from, reason });
    } finally {
      cancelTimeout();
      if (!timedOut) connection.close();
    }
  }

  async #answer(connection: Deno.Conn, packet: RawPacket, from: string): Promise<void> {
    const { modifier1 } = packet.header;
    if (modifier1 === MODIFIER_PING) {
      const pong = encodeHeader({ modifier1: MODIFIER_PING, size: 0, modifier2: 1 });
      return await writeAll(connection, pong);
    }
    if (modifier1 !== MODIFIER_SPOOL) {
      throw new RequestError(`modifier1 ${modifier1} is none of ours (17 is a task, 100 a ping)`);
    }
    let accepted: boolean;
    try {
      accepted = await this.#options.accept(decodeVars(packet.vars), from);
    } catch (error) {
      await writeAll(connection, REFUSED);
      throw error;
    }
    await writeAll(connection, accepted ? ACCEPTED : REFUSED);
  }
}

function listen(address: Address): Deno.Listener {
  if (address.kind === "tcp") {
    return Deno.listen({ transport: "tcp", hostname: address.host, port: address.port });
  }
  removeStaleSocket(address.path);
  const listener = Deno.listen({ transport: "unix", path: address.path });
  chmodSync(address.path, UNIX_SOCKET_MODE);
  return listener;
}

/** A socket file that a killed program left behind would be in the way. */
function removeStaleSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** @returns null when the peer closes without having sent anything */
async function readPacket(connection: Deno.Conn): Promise<RawPacket | null> {
  const reader = new PacketReader();
  const buffer = new Uint8Array(64 * 1024);
  while (true) {
    const packet = reader.next();
    if (packet) return packet;
    const count = await connection.read(buffer);
    if (count !== null) {
      reader.push(buffer.subarray(0, count));
    } else if (reader.pending === 0) {
      return null;
    } else {
      throw new PacketError(`the peer closed after ${reader.pending} bytes of a packet`);
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function peerText(connection: Deno.Conn): string {
  const addr = connection.remoteAddr;
  return addr.transport === "tcp"
    ? addressText({ kind: "tcp", host: addr.hostname, port: addr.port })
    : "unix socket";
}
