/** The pipes of a child that libc has started. */

import { apart } from "../platform/apart.ts";
import { type Cancel, systemClock } from "../platform/clock.ts";
import { EAGAIN, EINTR } from "../platform/linux.ts";
import type { SharedPoll } from "../platform/shared_poll.ts";
import { EPOLLIN, EPOLLOUT } from "../platform/socket_calls.ts";
import type { SpawnCalls } from "../platform/spawn_calls.ts";
import type { OutputStream } from "../report/event.ts";
import type { ChildOutput } from "./child.ts";

const PIPE_BYTES = 64 * 1024;
/** What the system could not watch for want of memory is tried again so soon. */
const SHORTAGE_MS = 1000;

/** What was read last, of any child. */
const piece = new Uint8Array(PIPE_BYTES);

/** stdout or stderr of a child. */
export class OutputPipe {
  isClosed = false;
  #isWatched = false;
  #cancelPause: Cancel | null = null;

  constructor(
    private readonly calls: SpawnCalls,
    private readonly poll: SharedPoll,
    private readonly fd: number,
    private readonly stream: OutputStream,
    private readonly output: ChildOutput,
    private readonly closed: () => void,
  ) {}

  /** Reads it from now on, as it comes. */
  watch(): void {
    if (this.isClosed || this.#isWatched || this.#cancelPause !== null) return;
    try {
      this.poll.loop.watch(this.fd, EPOLLIN, { ready: () => void this.#readSome() });
      this.#isWatched = true;
    } catch {
      this.#pause(SHORTAGE_MS);
    }
  }

  /** Reads what is there, and the rest as it comes. */
  drain(): void {
    while (!this.isClosed && this.#cancelPause === null && this.#readSome());
    this.watch();
  }

  /** Whether there may be more. */
  #readSome(): boolean {
    const count = this.calls.read(this.fd, piece);
    if (count === -EAGAIN || count === -EINTR) return false;
    if (count <= 0) {
      this.close();
      return false;
    }
    let pauseMs = 0;
    apart(() => pauseMs = this.output.take(this.stream, piece.subarray(0, count)));
    if (pauseMs > 0) this.#pause(pauseMs);
    return true;
  }

  /** A pipe whose writers are gone is always ready: it must not be watched. */
  #pause(ms: number): void {
    this.poll.loop.unwatch(this.fd);
    this.#isWatched = false;
    this.#cancelPause = systemClock.after(ms, () => {
      this.#cancelPause = null;
      this.watch();
    });
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#cancelPause?.();
    this.poll.loop.close(this.fd);
    apart(() => this.output.end(this.stream));
    this.closed();
  }
}

/** stdin of a child. One that does not read it, or not all of it, does nothing wrong. */
export class InputPipe {
  #isClosed = false;

  constructor(
    private readonly calls: SpawnCalls,
    private readonly poll: SharedPoll,
    private readonly fd: number,
  ) {}

  /** Null when all of it was written. */
  feed(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> | null {
    if (!(Symbol.iterator in chunks)) return this.#feedLater(chunks);
    try {
      const iterator = chunks[Symbol.iterator]();
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        const rest = this.#write(next.value);
        if (rest !== null) return this.#feedLater({ [Symbol.iterator]: () => iterator }, rest);
        if (this.#isClosed) return null;
      }
    } catch {
      // It cannot be read to its end.
    }
    this.#close();
    return null;
  }

  async #feedLater(
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    first?: Uint8Array,
  ): Promise<void> {
    try {
      if (first !== undefined) await this.#writeAll(first);
      for await (const chunk of chunks) await this.#writeAll(chunk);
    } catch {
      // It cannot be read to its end.
    }
    this.#close();
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = this.#write(bytes); rest !== null; rest = this.#write(rest)) {
      const { promise: room, resolve } = Promise.withResolvers<void>();
      // Watched only meanwhile: a pipe that nobody can read any more is always ready.
      this.poll.loop.watch(this.fd, EPOLLOUT, { ready: () => resolve() });
      await room;
      this.poll.loop.unwatch(this.fd);
    }
  }

  /** @returns what there is no room for; null when nothing is left */
  #write(bytes: Uint8Array): Uint8Array | null {
    let rest = bytes;
    while (rest.length > 0 && !this.#isClosed) {
      const count = this.calls.write(this.fd, rest as Uint8Array<ArrayBuffer>);
      if (count === -EAGAIN) return rest;
      if (count >= 0) rest = rest.subarray(count);
      else if (count !== -EINTR) this.#close();
    }
    return null;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.poll.loop.close(this.fd);
  }
}
