/** A socket of node's as a {@link Stream}: what is pushed there is pulled here. */

import type { TLSSocket } from "node:tls";
import { addressText } from "./address.ts";
import type { Stream } from "./stream.ts";

export function nodeStream(socket: TLSSocket): Stream {
  return new NodeStream(socket);
}

class NodeStream implements Stream {
  readonly from: string;
  readonly ip: string;
  /** Such sockets are only for clients that were asked for theirs. */
  readonly voucher = "certificate";
  readonly #socket: TLSSocket;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;
  #error: Error | null = null;
  #changed = Promise.withResolvers<void>();

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.ip = socket.remoteAddress ?? "";
    this.from = addressText({ kind: "tcp", host: this.ip, port: socket.remotePort ?? 0 });
    const change = () => {
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    socket.on("readable", change);
    socket.on("end", () => {
      this.#ended = true;
      change();
    });
    socket.on("error", (error: Error) => {
      this.#error ??= error;
      change();
    });
    socket.on("close", () => {
      this.#error ??= new Deno.errors.ConnectionReset("the connection is closed");
      change();
    });
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#rest.length === 0) {
      // Taken before the look, so that nothing between the two is missed.
      const changed = this.#changed.promise;
      const chunk = this.#socket.read() as Uint8Array | null;
      if (chunk !== null) this.#rest = chunk;
      else if (this.#ended) return null;
      else if (this.#error) throw this.#error;
      else await changed;
    }
    const part = this.#rest.subarray(0, into.length);
    into.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let isWritten = false;
    let failure: Error | null = null;
    const done = Promise.withResolvers<void>();
    this.#socket.write(bytes, (error) => {
      failure = error ?? null;
      isWritten = true;
      done.resolve();
    });
    // A socket that is destroyed need not call back.
    while (!isWritten && this.#error === null) {
      await Promise.race([done.promise, this.#changed.promise]);
    }
    const error = failure ?? (isWritten ? null : this.#error);
    if (error !== null) throw error;
  }

  closeWrite(): Promise<void> {
    this.#socket.end();
    return Promise.resolve();
  }

  close(): void {
    // Lets what was written go out first; nothing more is read.
    this.#socket.destroySoon();
  }
}
