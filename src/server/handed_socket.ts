/** A listening socket that this thread has opened, and that a service serves. */

import type { Clock } from "../platform/clock.ts";
import type { SocketCalls } from "../platform/socket_calls.ts";
import type { BoundSocket } from "./bound_socket.ts";
import { watchFile } from "./listening.ts";
import type { ServedSocket, SocketService } from "./socket_server.ts";

export interface HandedSocketOptions {
  readonly service: SocketService;
  readonly calls: SocketCalls;
  readonly clock: Clock;
  /** Called when its file is not ours any more, and, with null, when it is again. */
  readonly troubled: (reason: string | null) => void;
}

let lastId = 0;

export class HandedSocket {
  readonly #bound: BoundSocket;
  readonly #options: HandedSocketOptions;
  readonly #id = ++lastId;
  readonly #unwatch: () => void;
  #isHanded = false;

  constructor(bound: BoundSocket, options: HandedSocketOptions) {
    this.#bound = bound;
    this.#options = options;
    this.#unwatch = bound.file === null ? () => {} : watchFile(bound.file, options);
  }

  get address(): string {
    return this.#bound.address;
  }

  /** For the service, which closes it from now on. */
  hand(): ServedSocket {
    this.#isHanded = true;
    const { fd, address, credential } = this.#bound;
    return { id: this.#id, fd, address, credential };
  }

  /** Takes no more connections; those that are open end when they have their answers. */
  async close(): Promise<void> {
    this.#unwatch();
    const { service, calls } = this.#options;
    if (this.#isHanded) await service.drop(this.#id);
    else calls.close(this.#bound.fd);
    this.#bound.file?.afterClose();
  }
}
