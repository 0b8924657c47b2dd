/**
 * The control socket of the running program in one spool: answers the spool's owner, this program's user and
 * root, one request a connection.
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import { quietly } from "../platform/quietly.ts";
import { reasonOf } from "../platform/reason.ts";
import { acceptOwn } from "../platform/unix_socket.ts";
import type { ControlSocket, ControlSockets } from "../spool/control_sockets.ts";
import { readLine, writeLine } from "./lines.ts";
import { type ControlRequest, MOST_REQUEST_BYTES, readControlRequest } from "./protocol.ts";

export interface ControlServerOptions {
  readonly sockets: Pick<ControlSockets, "listen">;
  readonly clock: Clock;
  /** Does what is asked for. */
  answer(request: ControlRequest): Promise<unknown>;
  /** The socket cannot be made. */
  warn(message: string): void;
  /** How often it is checked that the socket is there; where it is not, it is made. */
  readonly checkMs?: number;
}

const CHECK_MS = 30_000;
const MOST_CONNECTIONS = 16;
/** For a request to come, and for its answer to be read. */
const TALK_MS = 5000;
const ACCEPT_AGAIN_MS = 100;

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #open = new Set<Deno.Conn>();
  readonly #talks = new Set<Promise<void>>();
  #socket: ControlSocket | null = null;
  #isClosed = false;
  /** Whether the last try to make the socket did. */
  #hasFailed = false;
  #cancelCheck: Cancel = () => {};

  constructor(options: ControlServerOptions) {
    this.#options = options;
  }

  /** Opens the socket, later when it cannot be: the program goes on, and a command says that it does not answer. */
  async open(): Promise<void> {
    const { sockets, clock, warn, checkMs = CHECK_MS } = this.#options;
    this.#socket?.close();
    this.#socket = null;
    try {
      const socket = await sockets.listen();
      if (this.#isClosed) return socket.close();
      this.#socket = socket;
      this.#hasFailed = false;
      void this.#accept(socket);
    } catch (error) {
      if (this.#isClosed) return;
      if (!this.#hasFailed) {
        warn(`no control socket, so status and kill do not reach this program: ${reasonOf(error)}`);
      }
      this.#hasFailed = true;
    }
    this.#cancelCheck = clock.after(checkMs, () => this.#check());
  }

  #check(): void {
    const { clock, checkMs = CHECK_MS } = this.#options;
    if (this.#socket?.isThere) this.#cancelCheck = clock.after(checkMs, () => this.#check());
    else void this.open();
  }

  async #accept(socket: ControlSocket): Promise<void> {
    const { clock } = this.#options;
    while (!this.#isClosed && this.#socket === socket) {
      try {
        const connection = await acceptOwn(socket.listener, socket.owner);
        if (this.#open.size >= MOST_CONNECTIONS) connection.close();
        else this.#begin(connection);
      } catch {
        if (this.#isClosed || this.#socket !== socket) return;
        await new Promise<void>((done) => void clock.after(ACCEPT_AGAIN_MS, done));
      }
    }
  }

  #begin(connection: Deno.Conn): void {
    const talk = this.#talk(connection).finally(() => this.#talks.delete(talk));
    this.#talks.add(talk);
  }

  async #talk(connection: Deno.Conn): Promise<void> {
    const { clock } = this.#options;
    const hangUp = () => void quietly(() => connection.close());
    this.#open.add(connection);
    let cancel = clock.after(TALK_MS, hangUp);
    try {
      const line = await readLine(connection, MOST_REQUEST_BYTES);
      cancel();
      const answer = await this.#answer(line);
      cancel = clock.after(TALK_MS, hangUp);
      await writeLine(connection, `${JSON.stringify(answer)}\n`);
    } catch {
      // It has hung up, or was hung up on.
    } finally {
      cancel();
      this.#open.delete(connection);
      hangUp();
    }
  }

  async #answer(line: string | null): Promise<object> {
    try {
      if (line === null) throw new SyntaxError(`a request has ${MOST_REQUEST_BYTES} bytes at most`);
      return { result: await this.#options.answer(readControlRequest(line)) };
    } catch (error) {
      return { error: reasonOf(error) };
    }
  }

  /** Nobody reaches it any more; resolves when those that have asked have their answers. */
  async finish(): Promise<void> {
    this.#hide();
    await Promise.all(this.#talks);
  }

  #hide(): void {
    this.#isClosed = true;
    this.#cancelCheck();
    this.#socket?.close();
  }

  /** Nobody reaches it any more. */
  close(): void {
    this.#hide();
    for (const connection of this.#open) quietly(() => connection.close());
  }
}
