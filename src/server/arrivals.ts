/** Connections that come when they come, for who asks for the next. */

import type { Stream } from "./stream.ts";

export class Arrivals {
  readonly #waiting: Stream[] = [];
  #askers: PromiseWithResolvers<Stream>[] = [];
  #isClosed = false;

  /** The next; rejects when none will come any more, or none can come now. */
  next(): Promise<Stream> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("it is closed"));
    const stream = this.#waiting.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    const asker = Promise.withResolvers<Stream>();
    this.#askers.push(asker);
    return asker.promise;
  }

  arrive(stream: Stream): void {
    if (this.#isClosed) return stream.close();
    const asker = this.#askers.shift();
    if (asker !== undefined) asker.resolve(stream);
    else this.#waiting.push(stream);
  }

  /** Who asks now is told; later ones wait again. */
  fail(error: unknown): void {
    const askers = this.#askers;
    this.#askers = [];
    for (const { reject } of askers) reject(error);
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#waiting.splice(0)) stream.close();
    this.fail(new Deno.errors.BadResource("it is closed"));
  }
}
