/** The master's end of the connection to one worker, or to a process that it has forked. */

import { joined } from "../platform/bytes.ts";
import { reasonOf } from "../platform/reason.ts";
import { encodeFrame, type Frame, FrameReader } from "./frame.ts";
import { type FromWorker, readMessage, type ToWorker } from "./message.ts";

/** What came in one frame. */
export interface Received {
  readonly message: FromWorker;
  readonly tail: Uint8Array<ArrayBuffer>;
}

const READ_SIZE = 64 * 1024;

export class Channel {
  readonly #conn: Deno.Conn;
  /** Frames that wait for their turn on the socket. */
  #unsent: Uint8Array[] = [];
  #sending = false;
  #closed = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Sends in order and does not wait. A worker that is gone is noticed by {@link received}. */
  send(message: ToWorker, tail?: Uint8Array): void {
    if (this.#closed) return;
    this.#unsent.push(encodeFrame(message, tail));
    if (!this.#sending) this.#flush();
  }

  /** Answers a call with what comes of it: a result, or the first line of an error. */
  async reply(id: number, outcome: Promise<unknown>): Promise<void> {
    try {
      this.send({ type: "reply", id, result: await outcome ?? null });
    } catch (error) {
      this.send({ type: "reply", id, error: reasonOf(error).split("\n", 1)[0] ?? "" });
    }
  }

  async #flush(): Promise<void> {
    this.#sending = true;
    try {
      while (this.#unsent.length > 0 && !this.#closed) {
        const bytes = joined(this.#unsent);
        this.#unsent = [];
        for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
      }
    } catch {
      // Its end of the connection is closed: the reading side reports it.
      this.#unsent = [];
    } finally {
      this.#sending = false;
    }
  }

  /**
   * Everything the worker says, until it closes the connection.
   *
   * @throws {ProtocolError} when it says what is no message
   */
  async *received(): AsyncGenerator<Received> {
    const reader = new FrameReader();
    const buffer = new Uint8Array(READ_SIZE);
    while (true) {
      const count = await this.#read(buffer);
      if (count === null) return;
      reader.push(buffer.subarray(0, count));
      for (let frame: Frame | null; (frame = reader.next()) !== null;) {
        yield { message: readMessage(frame.head), tail: frame.tail };
      }
    }
  }

  /** Null at the end, in whatever way it came. */
  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#conn.read(buffer);
    } catch {
      return null;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}
