/**
 * One connection of `http-socket`: reads requests, one after the other, and writes their answers. Every
 * step has a limit, in time and in bytes: a peer that is slower or says more is hung up on.
 */

import { joined } from "../platform/bytes.ts";
import { quietly } from "../platform/quietly.ts";
import type { Deadline, Deadlines } from "../server/deadlines.ts";
import type { PeerStream } from "../server/stream.ts";
import {
  headText,
  type HttpAnswer,
  type HttpRequest,
  type HttpStream,
  textAnswer,
} from "./http_answer.ts";
import type { OpenAnswers } from "./open_answers.ts";
import { HttpRequestError, parseHead, type RequestHead } from "./http_head.ts";

/** Until a request begins, between two of them. */
const IDLE_MS = 30_000;
/** For a head, from its first byte on. */
const HEAD_MS = 10_000;
const BODY_MS = 30_000;
/** For each piece of an answer. */
const WRITE_MS = 15_000;
/** For the answer to be found out. */
const ANSWER_MS = 60_000;
const LINGER_MS = 2000;
const MOST_LINGERING_BYTES = 1024 * 1024;
export const MOST_HEAD_BYTES = 16 * 1024;
const PIECE = 64 * 1024;

export interface HttpConnectionOptions {
  readonly stream: PeerStream;
  readonly deadlines: Deadlines;
  /** Decides by its head whether a request is answered: else the body is not read. */
  admit(head: RequestHead, stream: PeerStream): HttpAnswer | HttpRequest["visitor"];
  answer(request: HttpRequest): Promise<HttpAnswer>;
  /** Takes room for a body. @returns what gives it back; null when there is none */
  takeRoom(bytes: number): (() => void) | null;
  /** Whether one more stream may go on; called again with its end. */
  readonly streams: { begin(): boolean; end(): void };
  readonly answers: OpenAnswers;
}

interface WholeAnswer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly keepAlive: boolean;
}

/** What is read of all who linger, and looked at by nobody. */
const IGNORED = new Uint8Array(PIECE);

export class HttpConnection {
  readonly #options: HttpConnectionOptions;
  readonly #deadline: Deadline;
  readonly #abort = new AbortController();
  /** What has come and is not used yet, in the first `#filled` bytes. */
  #buffer = new Uint8Array(4096);
  #filled = 0;
  #isClosed = false;
  /** A request is in and is answered; else whoever needs room may close it. */
  isServing = false;

  constructor(options: HttpConnectionOptions) {
    this.#options = options;
    this.#deadline = options.deadlines.add(() => this.close());
  }

  close(): void {
    this.#isClosed = true;
    this.#abort.abort();
    this.#options.stream.close();
  }

  /** Serves until one of the two has enough; never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#serveOne());
    } catch {
      // It has hung up, or was hung up on.
    } finally {
      this.#options.deadlines.delete(this.#deadline);
      this.close();
    }
  }

  /** @returns whether there may be another */
  async #serveOne(): Promise<boolean> {
    const answered = await this.#answered();
    if (answered === null) return false;
    if ("stream" in answered) {
      await answered.stream();
      return false;
    }
    const { bytes, keepAlive } = answered;
    const { answers } = this.#options;
    answers.begin(this, bytes.length);
    try {
      await this.#writeAll(bytes, () => answers.moved(this));
    } finally {
      answers.end(this);
    }
    if (!keepAlive) await this.#linger();
    return keepAlive;
  }

  /** Nothing but its bytes is kept of an answer while it is written: many may be read slowly. */
  async #answered(): Promise<WholeAnswer | { readonly stream: () => Promise<void> } | null> {
    const read = await this.#request();
    if (read === null) return null;
    const { head, answer, answer: { body } } = read;
    const isHead = head?.method === "HEAD";
    if (typeof body === "function") return { stream: () => this.#stream(answer, body, isHead) };
    const keepAlive = head !== null && head.keepAlive && !this.#isClosed && read.isWhole;
    const rest = typeof body === "string" ? encoded(body) : body;
    const first = encoded(headText(answer, rest.length, keepAlive));
    // In one packet, mostly.
    return { bytes: joined([first, isHead ? NOTHING : rest]), keepAlive };
  }

  /** What is still on its way would break the connection off before its answer is read. */
  async #linger(): Promise<void> {
    const { stream } = this.#options;
    this.isServing = false;
    this.#set(LINGER_MS);
    await stream.closeWrite();
    for (let at = 0; at < MOST_LINGERING_BYTES;) {
      const count = await stream.read(IGNORED);
      if (count === null) return;
      at += count;
    }
  }

  async #request() {
    let head: RequestHead | null = null;
    try {
      head = await this.#head();
      if (head === null) return null;
      const admitted = this.#options.admit(head, this.#options.stream);
      if ("status" in admitted) return { head, answer: admitted, isWhole: head.length === 0 };
      const giveBack = this.#options.takeRoom(head.length);
      if (giveBack === null) throw new HttpRequestError(413, "the body is too large");
      try {
        const body = await this.#body(head);
        this.isServing = true;
        this.#set(ANSWER_MS);
        const answer = await this.#options.answer({ ...head, body, visitor: admitted });
        return { head, answer, isWhole: true };
      } finally {
        giveBack();
      }
    } catch (error) {
      if (!(error instanceof HttpRequestError)) throw error;
      return { head, answer: textAnswer(error.status, error.message), isWhole: false };
    }
  }

  #set(delayMs: number): void {
    this.#options.deadlines.set(this.#deadline, delayMs);
  }

  async #head(): Promise<RequestHead | null> {
    this.isServing = false;
    let isIdle = this.#filled === 0;
    this.#set(isIdle ? IDLE_MS : HEAD_MS);
    for (let searched = 0;;) {
      const end = endOfHead(this.#buffer.subarray(0, this.#filled), searched);
      if (end >= 0) return parseHead(latin1(this.#take(end + 4).subarray(0, end)));
      searched = Math.max(0, this.#filled - 3);
      if (this.#filled >= MOST_HEAD_BYTES) {
        throw new HttpRequestError(431, "the request headers are too large");
      }
      if (!(await this.#fill(MOST_HEAD_BYTES))) return null;
      if (isIdle) this.#set(HEAD_MS);
      isIdle = false;
    }
  }

  async #body({ length, headers }: RequestHead): Promise<Uint8Array<ArrayBuffer>> {
    this.#set(BODY_MS);
    if (length > this.#filled && headers.get("expect")?.toLowerCase() === "100-continue") {
      await this.#options.stream.write(encoded("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const body = new Uint8Array(length);
    const first = this.#take(Math.min(length, this.#filled));
    body.set(first);
    for (let at = first.length; at < length;) {
      const count = await this.#options.stream.read(body.subarray(at));
      if (count === null) throw new Error("the body is cut off");
      at += count;
    }
    return body;
  }

  /** Reads more, into a buffer that grows as far as is allowed. */
  async #fill(most: number): Promise<boolean> {
    if (this.#filled === this.#buffer.length) {
      const larger = new Uint8Array(Math.min(most, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#options.stream.read(this.#buffer.subarray(this.#filled));
    if (count === null) return false;
    this.#filled += count;
    return true;
  }

  #take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.slice(0, count);
    this.#buffer.copyWithin(0, count, this.#filled);
    this.#filled -= count;
    return taken;
  }

  async #write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#set(WRITE_MS);
    await this.#options.stream.write(bytes);
  }

  async #writeAll(bytes: Uint8Array<ArrayBuffer>, moved = () => {}): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE) {
      await this.#write(bytes.subarray(at, at + PIECE));
      moved();
    }
  }

  async #stream(answer: HttpAnswer, write: HttpStream, isHead: boolean): Promise<void> {
    const { streams, stream } = this.#options;
    if (!streams.begin()) {
      const full = textAnswer(503, "too many streams are open");
      const body = encoded(String(full.body));
      return await this.#writeAll(joined([encoded(headText(full, body.length, false)), body]));
    }
    try {
      await this.#write(encoded(headText(answer, null, false)));
      if (isHead) return await stream.closeWrite();
      void this.#noteEnd();
      this.#set(Infinity);
      await write(async (bytes) => {
        await this.#writeAll(bytes);
        this.#set(Infinity);
      }, this.#abort.signal);
      await stream.closeWrite();
    } finally {
      streams.end();
    }
  }

  /** While an answer goes on, the peer says nothing but that it has gone. */
  async #noteEnd(): Promise<void> {
    const ignored = new Uint8Array(256);
    try {
      while ((await this.#options.stream.read(ignored)) !== null);
    } catch {
      // The same.
    }
    quietly(() => this.close());
  }
}

const NOTHING = new Uint8Array();

/** The oldest Deno's types do not say that the memory is its own. */
function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

/** A character for each byte. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
