/** Opens the sockets of a configuration and takes them down again. */

import type { ReceptionConfig, ServerConfig } from "./settings.ts";
import type { Clock } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import { openFilesLimit } from "../platform/open_files.ts";
import type { Emit } from "../report/event.ts";
import { uwsgiTwin } from "../wire/address.ts";
import type { Accept } from "./connection.ts";
import { Connections } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import { Listener } from "./listener.ts";
import { type Listening, listenOn, type SocketOptions } from "./listening.ts";
import { Refusals } from "./refusals.ts";
import { receiverName } from "./receiver_name.ts";
import { type NotSigned, signedBy } from "../wire/signature.ts";
import { findSocketOwner } from "./socket_owner.ts";
import { listenWithTls } from "./tls_listening.ts";

export interface SocketsOptions {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly libc: Libc | null;
  readonly accept: Accept;
}

/** What a ping is told that may be sent here. */
const FEATURES = ["keep-alive", "body", "id", "signature"];

/** Without a secret no signature can be checked. */
const UNASKED: NotSigned = { problem: "there is no secret here to check it with" };

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #listeners: Listener[] = [];
  readonly #deadlines: Deadlines;
  readonly #connections: Connections;
  readonly #refusals: Refusals;

  private constructor(options: SocketsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
    this.#connections = new Connections(connectionsLimit(options));
    this.#refusals = new Refusals(options.clock, options.emit);
  }

  /** @throws {Deno.errors.AddrInUse} and others, when one cannot be listened on: then none is */
  static async open(options: SocketsOptions): Promise<Sockets> {
    const sockets = new Sockets(options);
    try {
      await sockets.#open();
      return sockets;
    } catch (error) {
      await sockets.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { config: { listeners, reception }, emit, libc } = this.#options;
    const socketOptions = await socketOptionsOf(reception, libc);
    for (const { address, tls } of listeners) {
      const listening = tls === null
        ? await listenOn(address, socketOptions)
        : await listenWithTls(address, tls, {
          ...socketOptions,
          timeoutMs: reception.timeoutMs,
          maxHandshakes: reception.maxConnections,
          refused: (from, refusal) => this.#refusals.tell(from, refusal),
        });
      this.#listen(listening);
      emit({ type: "listener.opened", address: listening.address });
      const twin = uwsgiTwin(address);
      if (twin !== null) this.#listen(await listenOn(twin, socketOptions));
    }
  }

  #listen(listening: Listening): void {
    const { config: { reception }, clock, emit, accept } = this.#options;
    const { allow, secrets, maxVarsSize, maxBodySize, timeoutMs } = reception;
    const { address } = listening;
    const listener = new Listener({
      ...{ listening, connections: this.#connections, clock, deadlines: this.#deadlines, accept },
      allow: allow === "any" ? null : allow,
      limits: { maxVarsSize, maxBodySize, timeoutMs },
      features: FEATURES,
      receiver: receiverName(reception),
      identify: (bytes, vars) => secrets.length === 0 ? UNASKED : signedBy(bytes, vars, secrets),
      refused: (from, refusal) => this.#refusals.tell(from, refusal),
      troubled: (reason) =>
        emit(
          reason === null
            ? { type: "listener.recovered", address }
            : { type: "listener.troubled", address, reason },
        ),
    });
    this.#listeners.push(listener);
  }

  /** Takes no more connections; resolves when those that are open have their answers. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
    await this.#connections.close();
    this.#refusals.close();
  }
}

/** Of the files that may be open, this part may be connections: tasks and spools need some, too. */
const CONNECTIONS_PART = 0.75;

function connectionsLimit({ config, emit }: SocketsOptions): number {
  const { listeners, reception: { maxConnections } } = config;
  const files = openFilesLimit();
  const possible = files === null ? Infinity : Math.floor(files * CONNECTIONS_PART);
  if (maxConnections <= possible) return maxConnections;
  if (listeners.length > 0) {
    const message = `spooler-max-connections is ${possible}, not ${maxConnections}: this process ` +
      `may open ${files} files (ulimit -n)`;
    emit({ type: "config.warning", message });
  }
  return possible;
}

async function socketOptionsOf(
  { backlog, socketMode, socketOwner }: ReceptionConfig,
  libc: Libc | null,
): Promise<SocketOptions> {
  const owner = socketOwner === null
    ? null
    : await findSocketOwner(socketOwner.user, socketOwner.group);
  return { backlog, mode: socketMode, owner, libc };
}
