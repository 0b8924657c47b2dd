/** A listening socket that this thread has opened, and that a service serves. */

import type { Clock } from "../platform/clock.ts";
import type { Libc } from "../platform/libc.ts";
import type { SocketCalls } from "../platform/socket_calls.ts";
import type { Address } from "../wire/address.ts";
import { bindSocket, type BoundSocket } from "./bound_socket.ts";
import { type SocketOptions, watchFile } from "./listening.ts";
import type { ServedSocket, SocketService } from "./socket_server.ts";
import type { Troubled } from "./trouble.ts";

export interface HandedSocketOptions {
  readonly service: SocketService;
  readonly libc: Libc;
  readonly calls: SocketCalls;
  readonly clock: Clock;
  /** Called when its file is another program's, and, with null, when it is ours again. */
  readonly troubled: Troubled;
  /** Called once, when its file was removed: nobody can connect any more. */
  readonly gone: () => void;
}

let lastId = 0;

export class HandedSocket {
  readonly #options: HandedSocketOptions;
  readonly #id = ++lastId;
  #bound: BoundSocket;
  #unwatch: () => void;
  /** The descriptor that the service has, which closes it. */
  #handed: number | null = null;
  #isClosed = false;

  constructor(bound: BoundSocket, options: HandedSocketOptions) {
    this.#options = options;
    this.#bound = bound;
    this.#unwatch = this.#watch();
  }

  #watch(): () => void {
    const { file } = this.#bound;
    return file === null ? () => {} : watchFile(file, this.#options);
  }

  get address(): string {
    return this.#bound.address;
  }

  /** For the service, which closes it from now on. */
  hand(): ServedSocket {
    const { fd, address, credential } = this.#bound;
    this.#handed = fd;
    return { id: this.#id, fd, address, credential };
  }

  /**
   * Listens by another socket from the next {@link hand} on, because the file of this one was removed.
   *
   * @throws {Error} when it cannot be listened on
   */
  async reopen(address: Address, options: SocketOptions): Promise<void> {
    const { libc, calls } = this.#options;
    const bound = await bindSocket(address, { ...options, libc, calls });
    this.#closeOwn();
    this.#bound = bound;
    if (this.#isClosed) await this.close();
    else this.#unwatch = this.#watch();
  }

  #closeOwn(): void {
    if (this.#handed !== this.#bound.fd) this.#options.calls.close(this.#bound.fd);
  }

  /** Takes no more connections; those that are open end when they have their answers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    if (this.#handed !== null) await this.#options.service.drop(this.#id);
    this.#closeOwn();
    this.#bound.file?.afterClose();
  }
}
