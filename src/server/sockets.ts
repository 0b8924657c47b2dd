/**
 * The sockets of a configuration. Those that the configuration before it has open, too, are taken over
 * as they are: a reload closes no socket that it still needs.
 */

import { ConfigError } from "../platform/problem.ts";
import { bindProblem } from "./bind_problem.ts";
import type { ListenerConfig, ReceptionConfig, ServerConfig } from "./settings.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import { socketCalls } from "../platform/socket_calls.ts";
import type { Emit } from "../report/event.ts";
import type { SocketSnapshot } from "../report/snapshot.ts";
import { type Address, addressText, uwsgiTwin } from "../wire/address.ts";
import { allowedBy } from "./admission.ts";
import type { Accept } from "./incoming_task.ts";
import { connectionLimit, type ConnectionShares, sharesOf } from "./connection_limit.ts";
import { EventLoopRound } from "../platform/round.ts";
import { Connections } from "./connections.ts";
import { Deadlines } from "./deadlines.ts";
import { Listener, type ListenerOptions } from "./listener.ts";
import { type Listening, listenOn, type SocketOptions } from "./listening.ts";
import { PacketMemory } from "./packet_memory.ts";
import { Refusals } from "./refusals.ts";
import { bindSocket } from "./bound_socket.ts";
import { listenWhenFree } from "./free_address.ts";
import { HandedSocket } from "./handed_socket.ts";
import { receiverName } from "./receiver_name.ts";
import { rulesOf } from "./rules.ts";
import type { SocketService } from "./socket_server.ts";
import { keyOf, mustRead } from "./socket_key.ts";
import { findSocketOwner } from "./socket_owner.ts";
import { listenWithTls } from "./tls_listening.ts";
import { troubleEvent } from "./trouble.ts";

export interface SocketsOptions {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly libc: Libc | null;
  /** Where the event loop takes tasks to. */
  readonly accept: Accept;
  /** Serves plain sockets; null leaves them to the event loop, as those with TLS. */
  readonly service?: SocketService | null;
}

/** TLS handshakes under way at the same time: the oldest makes room, so that they keep nobody out. */
const MOST_HANDSHAKES = 128;

/** Between two tries to make the file of a socket again. */
const REOPEN_MS = 1000;

/** A socket of the ini, and what listens on it: a listener, or two with uWSGI's spelling of its name. */
interface OpenSocket {
  readonly config: ListenerConfig;
  /** The same for sockets that need not be opened anew. */
  readonly key: string;
  readonly listeners: (Listener | HandedSocket)[];
  /** Whose it is: a reload changes that. */
  owner: Sockets;
  isClosed: boolean;
  /** What waits to open it again. */
  cancel: Cancel | null;
}

/** What connections need; a reload hands it on with those that are open. */
interface Shared {
  readonly connections: Connections;
  readonly deadlines: Deadlines;
  readonly memory: PacketMemory;
  readonly round: EventLoopRound;
  readonly refusals: Refusals;
}

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #sockets: OpenSocket[] = [];
  /** To be taken over from the configuration before. */
  readonly #adopted: { readonly from: Sockets; readonly socket: OpenSocket }[] = [];
  /** Closed in the configuration before, to make room for others on their addresses. */
  readonly #givenUp: ListenerConfig[] = [];
  readonly #shared: Shared;
  readonly #most: ConnectionShares;

  private constructor(options: SocketsOptions, before: Sockets | null) {
    const { clock, emit } = options;
    this.#options = options;
    const open = before === null ? 0 : before.#shared.connections.count;
    const { config, service } = options;
    const most = connectionLimit(config, emit, open + (service?.connections ?? 0));
    this.#most = sharesOf(most, config, Boolean(service));
    this.#shared = before === null
      ? {
        connections: new Connections(this.#most.loop),
        deadlines: new Deadlines(clock),
        memory: new PacketMemory(),
        round: new EventLoopRound(clock),
        refusals: new Refusals(clock, emit),
      }
      : before.#shared;
  }

  /**
   * Opens the sockets that are not open in `before`; those that are wait for {@link takeOver}.
   *
   * @throws {ConfigError} when one cannot be listened on: then all is as it was
   */
  static async open(options: SocketsOptions, before: Sockets | null = null): Promise<Sockets> {
    const sockets = new Sockets(options, before);
    try {
      for (const config of options.config.listeners) await sockets.#openOrAdopt(config, before);
      return sockets;
    } catch (error) {
      await sockets.release();
      if (before !== null && sockets.#givenUp.length > 0) {
        for (const config of sockets.#givenUp) await before.#open(config);
        before.#handOver();
      }
      throw error;
    }
  }

  /** Those that are open. */
  snapshot(): SocketSnapshot[] {
    return this.#sockets.flatMap(({ config: { tls }, listeners: [first] }) =>
      first ? [{ address: first.address, tls: tls !== null }] : []
    );
  }

  /** Open connections, of all sockets together. */
  get connections(): number {
    return this.#shared.connections.count + (this.#options.service?.connections ?? 0);
  }

  /** From now on its sockets serve this configuration, those taken over from the one before among them. */
  takeOver(): void {
    this.#shared.connections.most = this.#most.loop;
    for (const { from, socket } of this.#adopted.splice(0)) {
      from.#sockets.splice(from.#sockets.indexOf(socket), 1);
      for (const listener of socket.listeners) {
        if (listener instanceof HandedSocket) continue;
        listener.use(this.#listenerOptions(listener.listening));
      }
      this.#sockets.push(socket);
      socket.owner = this;
    }
    this.#handOver();
  }

  /** The sockets of the service are the service's from now on. */
  #handOver(): void {
    const { service, config: { reception } } = this.#options;
    const handed = this.#sockets.flatMap(({ listeners }) =>
      listeners.flatMap((each) => each instanceof HandedSocket ? [each.hand()] : [])
    );
    // One name for both: without spooler-name it is of this run.
    const named = { ...reception, name: receiverName(reception) };
    service?.use({ sockets: handed, reception: named, most: this.#most.service });
  }

  async #openOrAdopt(config: ListenerConfig, before: Sockets | null): Promise<void> {
    if (before !== null) {
      const key = await keyOf(config, this.#options.config.reception);
      const socket = before.#sockets.find((each) => each.key === key);
      if (socket !== undefined) {
        this.#adopted.push({ from: before, socket });
        return;
      }
      await mustRead(config);
      // The same address with another certificate or owner: both cannot be open at once.
      const given = await before.#giveUp(config.address);
      if (given !== null) this.#givenUp.push(given);
    }
    await this.#open(config);
  }

  /** Closes what is open on an address. */
  async #giveUp(address: Address): Promise<ListenerConfig | null> {
    const at = this.#sockets.findIndex((each) => sameAddress(each.config.address, address));
    const [socket] = at === -1 ? [] : this.#sockets.splice(at, 1);
    if (socket === undefined) return null;
    await closeSocket(socket);
    return socket.config;
  }

  async #open(config: ListenerConfig): Promise<void> {
    const { config: { reception }, emit, libc } = this.#options;
    const { address } = config;
    const socketOptions = await socketOptionsOf(reception, libc);
    const socket: OpenSocket = {
      ...{ config, key: await keyOf(config, reception), listeners: [] },
      ...{ owner: this, isClosed: false, cancel: null },
    };
    this.#sockets.push(socket);
    const listener = await listenWhenFree(
      config,
      this.#options.clock,
      () => this.#listen(socket, address, socketOptions),
    ).catch((error) => {
      throw new ConfigError([bindProblem(config, error)]);
    });
    socket.listeners.push(listener);
    emit({ type: "listener.opened", address: listener.address });
    const twin = uwsgiTwin(address);
    if (twin !== null) socket.listeners.push(await this.#listen(socket, twin, socketOptions));
  }

  async #listen(
    socket: OpenSocket,
    address: Address,
    socketOptions: SocketOptions,
  ): Promise<Listener | HandedSocket> {
    const { config: { reception }, clock, libc, service, emit } = this.#options;
    const { tls } = socket.config;
    const gone = () => void socket.owner.#reopen(socket, null);
    const calls = socketCalls();
    if (tls === null && service && libc !== null && calls !== null) {
      const bound = await bindSocket(address, { ...socketOptions, libc, calls });
      const troubled = (reason: string | null) => emit(troubleEvent(bound.address, reason));
      return new HandedSocket(bound, { service, libc, calls, clock, troubled, gone });
    }
    const listening = tls === null
      ? await listenOn(address, socketOptions)
      : await listenWithTls(address, tls, {
        ...socketOptions,
        timeoutMs: reception.timeoutMs,
        maxHandshakes: Math.min(reception.maxConnections, MOST_HANDSHAKES),
        refused: (from, refusal) => this.#shared.refusals.report(from, refusal),
      });
    return new Listener({ ...this.#listenerOptions(listening), gone });
  }

  #listenerOptions(listening: Listening): Omit<ListenerOptions, "gone"> {
    const { config: { reception }, clock, accept, emit } = this.#options;
    const { address } = listening;
    const rules = rulesOf(reception, accept);
    return {
      ...{ listening, clock, ...this.#shared },
      allow: allowedBy(reception),
      rules: () => rules,
      refused: (from, refusal) => this.#shared.refusals.report(from, refusal),
      troubled: (reason) => emit(troubleEvent(address, reason)),
    };
  }

  /**
   * Its file was removed: nobody can connect to it any more. Makes another one, unless something is there by
   * now.
   *
   * @param reported why it could not be made, the last time
   */
  async #reopen(socket: OpenSocket, reported: string | null): Promise<void> {
    const { config: { reception }, emit, clock, libc } = this.#options;
    const { config, config: { address }, listeners } = socket;
    try {
      const options = { ...await socketOptionsOf(reception, libc), isAgain: true };
      for (const listener of listeners) await listener.reopen(address, options);
      if (socket.isClosed) return;
      emit({ type: "listener.reopened", address: addressText(address) });
      socket.owner.#handOver();
    } catch (error) {
      if (socket.isClosed) return;
      const why = bindProblem(config, error).reason;
      const reason = `its file was removed and cannot be made again: ${why}`;
      if (reason !== reported) emit(troubleEvent(addressText(address), reason));
      socket.cancel = clock.after(REOPEN_MS, () => void socket.owner.#reopen(socket, reason));
    }
  }

  /** Closes the sockets that no other configuration has taken over, and what came in by them. */
  async release(): Promise<void> {
    await Promise.all(this.#sockets.splice(0).map(closeSocket));
  }

  /** Takes no more connections; resolves when those that are open have their answers. */
  async close(): Promise<void> {
    await this.release();
    await Promise.all([this.#shared.connections.close(), this.#options.service?.close()]);
    this.#shared.refusals.close();
  }
}

async function closeSocket(socket: OpenSocket): Promise<void> {
  socket.isClosed = true;
  socket.cancel?.();
  await Promise.all(socket.listeners.map((listener) => listener.close()));
}

function sameAddress(one: Address, other: Address): boolean {
  return addressText(one) === addressText(other);
}

async function socketOptionsOf(
  { backlog, socketMode, socketOwner }: ReceptionConfig,
  libc: Libc | null,
): Promise<SocketOptions> {
  const owner = socketOwner === null ? null : await findSocketOwner(socketOwner);
  return { backlog, mode: socketMode, owner, libc, isAgain: false };
}
