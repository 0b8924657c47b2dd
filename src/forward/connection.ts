/**
 * One connection to a target. Parcels go out in the order in which they are given, each as soon as it
 * can, without waiting for the answers to those before; the answers come in the same order.
 *
 * Whatever goes wrong ends the connection, and every parcel without an answer is lost: nobody knows
 * whether the peer took it.
 */

import { createHash } from "node:crypto";
import { type Cancel, type Clock, nextTurn, turnOfOthers } from "../platform/clock.ts";
import { writeAll } from "../wire/client.ts";
import { encodeHeader, HEADER_SIZE, KEEP_OPEN, MODIFIER_PING } from "../wire/packet.ts";
import { PacketReader, type RawPacket } from "../wire/reader.ts";
import { LARGEST_PACKET, type Parcel, writeParcel } from "./parcel.ts";
import { answerOf, type Peer, peerOf, type TaskAnswer } from "./peer.ts";
import { reasonOf } from "../platform/reason.ts";

/** How a parcel fared. */
export type Delivered =
  | TaskAnswer
  /** It cannot be sent to this peer at all, whatever the state of things. */
  | { readonly kind: "unfit"; readonly reason: string }
  | Lost;

export interface Lost {
  readonly kind: "lost";
  readonly reason: string;
  /** It was the one that the peer had to answer when the connection broke. */
  readonly first: boolean;
}

/** How a connection ended. */
export interface End {
  readonly reason: string;
  /** The peer closed it, in order or not; otherwise it was silent for too long, or talked nonsense. */
  readonly byPeer: boolean;
  /** Answers that it gave before. */
  readonly answers: number;
}

export interface ConnectionOptions {
  readonly socket: Deno.Conn;
  readonly peer: Peer;
  readonly secret: string | null;
  /** Parcels that may wait for their answer at the same time. */
  readonly window: number;
  /** Without progress for so long the peer counts as dead. */
  readonly timeoutMs: number;
  /** Without work for so long it is closed. */
  readonly idleMs: number;
  readonly clock: Clock;
  /** Milliseconds since the epoch, never the same twice. */
  stamp(): number;
  /** Called once; what was lost with it has been told before. */
  ended(end: End | null): void;
  /** Called when there may be room again. */
  room(): void;
}

interface Waiting {
  readonly parcel: Parcel;
  state: "waiting" | "begun" | "sent";
  /** Of its packet, when that was made. */
  size: number;
  settle(how: Delivered): void;
}

/** uWSGI's default buffer-size: at a larger packet it hangs up without a word. */
const UWSGI_BUFFER = 4096;
/** Bodyless packets that are ready go out in one write of about this size; bodies in such pieces. */
const WRITE_SIZE = 64 * 1024;

/**
 * Answers taken at once. They come many at a time, and what takes the places of those answered is sent
 * while the rest is still settled: the peer need not wait for all of it.
 */
const ANSWERS_AT_ONCE = 32;

/** Where the packets of a write are put together, one connection after the other. */
const scratch = new Uint8Array(WRITE_SIZE + LARGEST_PACKET);

/** So many pieces of a body are hashed before others have the thread. */
const HASH_PIECES = 16;

export class Connection {
  readonly #options: ConnectionOptions;
  /** Without an answer so far, in order. */
  readonly #waiting: Waiting[] = [];
  /** How many of them, from the first on, are begun or sent. */
  #begun = 0;
  /** How many of them have a body that is not sent. */
  #bodies = 0;
  #answers = 0;
  #writing = false;
  #ended = false;
  #progressAt: number;
  #cancelTimer: Cancel = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#progressAt = options.clock.monotonic();
    this.#read();
    this.#watchTime();
  }

  /** Parcels that it can take now. */
  get room(): number {
    if (this.#ended) return 0;
    // A peer of version 0 takes one packet and closes.
    if (!isKeptAlive(this.#options.peer)) return this.#answers + this.#waiting.length > 0 ? 0 : 1;
    // What waits behind a body may wait long: another connection is the better one.
    if (this.#bodies > 0) return 0;
    return this.#options.window - this.#waiting.length;
  }

  get load(): number {
    return this.#waiting.length;
  }

  send(parcel: Parcel): Promise<Delivered> {
    const { promise, resolve } = Promise.withResolvers<Delivered>();
    const wasIdle = this.#waiting.length === 0;
    this.#waiting.push({ parcel, state: "waiting", size: 0, settle: resolve });
    if (parcel.bodySize > 0) this.#bodies++;
    if (wasIdle) {
      this.#progressAt = this.#options.clock.monotonic();
      this.#watchTime();
    }
    this.#write();
    return promise;
  }

  /** Hangs up; what waits is lost, and the peer is not to blame. */
  close(): void {
    this.#end(null, null);
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      // What takes the places of answered tasks is sent together, and shares a sync of the peer: that
      // would otherwise begin with the first alone. And no write begins amid another connection's.
      await nextTurn();
      while (!this.#ended) {
        const next = this.#waiting[this.#begun];
        if (!next) break;
        if (next.parcel.bodySize > 0) await this.#sendWithBody(next);
        else await this.#sendBatch();
      }
    } catch (error) {
      this.#fail(textOf(error), true);
    } finally {
      this.#writing = false;
    }
  }

  async #sendBatch(): Promise<void> {
    const batch: Waiting[] = [];
    let end = 0;
    for (const waiting of this.#waiting.slice(this.#begun)) {
      if (waiting.parcel.bodySize > 0 || end >= WRITE_SIZE) break;
      const packetEnd = this.#writePacket(waiting, end);
      if (packetEnd === null) continue;
      batch.push(waiting);
      end = packetEnd;
    }
    for (const waiting of batch) this.#begin(waiting);
    await writeAll(this.#options.socket, scratch.slice(0, end));
    for (const waiting of batch) waiting.state = "sent";
    this.#progressAt = this.#options.clock.monotonic();
  }

  async #sendWithBody(waiting: Waiting): Promise<void> {
    const { parcel } = waiting;
    const { peer, secret, socket, clock } = this.#options;
    if (peer.kind !== "ours" || !peer.body) {
      const reason = "it has a body, and the peer takes none: the body would be lost";
      return this.#drop(waiting, { kind: "unfit", reason });
    }
    if (peer.maxBody !== null && parcel.bodySize > peer.maxBody) {
      const reason = `its body has ${parcel.bodySize} bytes, the peer takes ${peer.maxBody}`;
      return this.#drop(waiting, { kind: "refused", reason });
    }
    const bodySha256 = secret === null ? undefined : await this.#hash(waiting);
    if (this.#ended || bodySha256 === null) return;
    const end = this.#writePacket(waiting, 0, bodySha256);
    if (end === null) return;
    this.#begin(waiting);
    await writeAll(socket, scratch.slice(0, end));
    for (let at = 0; at < parcel.bodySize;) {
      // An answer ahead of the end, or the end of the connection: the task is not ours to read any more.
      if (this.#ended) return;
      const chunk = readChunk(parcel, at);
      if (chunk === null) return this.#abandon(waiting, cutOff(parcel, at));
      await writeAll(socket, chunk);
      this.#progressAt = clock.monotonic();
      at += chunk.length;
    }
    waiting.state = "sent";
    this.#bodies--;
  }

  /** The first that was not begun. */
  #begin(waiting: Waiting): void {
    waiting.state = "begun";
    this.#begun++;
  }

  /** A packet that was begun and cannot be finished: only the end of the connection tells the peer. */
  #abandon(waiting: Waiting, reason: string): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#end({ reason, byPeer: true, answers: this.#answers }, {
      waiting,
      answer: { kind: "refused", reason },
    });
  }

  /** Hashes in pieces, and lets others have the thread in between; null when that came to nothing. */
  async #hash(waiting: Waiting): Promise<string | null> {
    const { parcel } = waiting;
    const hash = createHash("sha256");
    for (let at = 0, pieces = 1; at < parcel.bodySize; pieces++) {
      const chunk = readChunk(parcel, at);
      if (chunk === null) {
        this.#drop(waiting, { kind: "refused", reason: cutOff(parcel, at) });
        return null;
      }
      hash.update(chunk);
      at += chunk.length;
      if (pieces % HASH_PIECES !== 0) continue;
      await turnOfOthers();
      if (this.#ended) return null;
      this.#progressAt = this.#options.clock.monotonic();
    }
    return hash.digest("hex");
  }

  /** Into the scratch. Returns where the packet ends; null when the task cannot be one, and it is then told so. */
  #writePacket(waiting: Waiting, at: number, bodySha256?: string): number | null {
    const { peer, secret, stamp } = this.#options;
    try {
      const hash = bodySha256 === undefined ? {} : { bodySha256 };
      const sending = { peer, secret, now: stamp(), ...hash };
      const end = writeParcel(waiting.parcel, sending, scratch, at);
      waiting.size = end - at;
      return end;
    } catch (error) {
      this.#drop(waiting, { kind: "refused", reason: textOf(error) });
      return null;
    }
  }

  /** Settles a parcel of which no byte was sent. */
  #drop(waiting: Waiting, how: Delivered): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    if (waiting.parcel.bodySize > 0) this.#bodies--;
    waiting.settle(how);
    this.#options.room();
  }

  async #read(): Promise<void> {
    const { socket } = this.#options;
    const reader = new PacketReader();
    try {
      while (!this.#ended) {
        const count = await socket.read(reader.space());
        if (count === null) return this.#fail("it closed the connection", true);
        reader.filled(count);
        let taken = 0;
        for (let packet = reader.next(); packet && !this.#ended; packet = reader.next()) {
          this.#answered(packet);
          if (++taken % ANSWERS_AT_ONCE === 0) await nextTurn();
        }
        if (!this.#ended) this.#options.room();
      }
    } catch (error) {
      this.#fail(textOf(error), isSocketError(error));
    }
  }

  #answered(packet: RawPacket): void {
    const answer = answerOf(packet);
    const first = this.#waiting[0];
    if (!first || this.#begun === 0) throw new Error("it answered a task it was not sent");
    this.#progressAt = this.#options.clock.monotonic();
    this.#answers++;
    if (first.state === "begun" && first.parcel.bodySize > 0) {
      if (answer.kind === "accepted") throw new Error("it accepted a task before it was all there");
      // It does not want the rest of the body, and this side does not want to send it.
      this.#waiting.shift();
      this.#end({ reason: "a body was refused", byPeer: true, answers: this.#answers }, {
        waiting: first,
        answer,
      });
      return;
    }
    this.#waiting.shift();
    this.#begun--;
    first.settle(answer);
    if (!isKeptAlive(this.#options.peer)) this.#end(null, null);
  }

  #watchTime(): void {
    const { clock, timeoutMs, idleMs } = this.#options;
    this.#cancelTimer();
    const isIdle = this.#waiting.length === 0;
    const leftMs = this.#progressAt + (isIdle ? idleMs : timeoutMs) - clock.monotonic();
    if (leftMs > 0) {
      this.#cancelTimer = clock.after(leftMs, () => this.#watchTime());
    } else if (isIdle) this.#end(null, null);
    else this.#fail(`no answer for ${timeoutMs / 1000} s`, false);
  }

  #fail(reason: string, byPeer: boolean): void {
    const end = { reason, byPeer, answers: this.#answers };
    const [first] = this.#waiting;
    const isLarge = first !== undefined && first.size - HEADER_SIZE > UWSGI_BUFFER;
    if (byPeer && isLarge && this.#options.peer.kind !== "ours") {
      this.#waiting.shift();
      const why =
        `${reason} without an answer, as a uWSGI does whose buffer-size is less than its ` +
        `${first.size - HEADER_SIZE} bytes (${UWSGI_BUFFER} when it is not set)`;
      this.#end(null, { waiting: first, answer: { kind: "refused", reason: why } });
    } else this.#end(end, null);
  }

  /**
   * @param end null when nothing is wrong with the peer
   * @param refused a task that gets an answer all the same
   */
  #end(end: End | null, refused: { waiting: Waiting; answer: TaskAnswer } | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimer();
    this.#options.socket.close();
    const lost = this.#waiting.splice(0);
    const isNews = lost.length > 0 || end?.byPeer === false;
    this.#options.ended(isNews ? end : null);
    refused?.waiting.settle(refused.answer);
    const reason = end?.reason ?? "the connection was closed";
    for (const [i, { settle, state }] of lost.entries()) {
      settle({ kind: "lost", reason, first: i === 0 && state !== "waiting" });
    }
  }
}

/** What a target said to a ping. */
export type Greeting =
  | { readonly kind: "peer"; readonly peer: Peer }
  /** It closed without a byte. */
  | { readonly kind: "silent" };

/**
 * Asks a fresh connection who is there.
 *
 * @throws {Error} when there is no answer in time, or one that means nothing
 */
export async function greet(
  socket: Deno.Conn,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<Greeting> {
  let timedOut = false;
  const cancel = clock.after(timeoutMs, () => {
    timedOut = true;
    socket.close();
  });
  const reader = new PacketReader();
  try {
    const ping = encodeHeader({ modifier1: MODIFIER_PING, size: 0, modifier2: KEEP_OPEN });
    await writeAll(socket, ping);
    while (true) {
      const count = await socket.read(reader.space());
      if (count === null) {
        if (reader.pending === 0) return { kind: "silent" };
        throw new Error("it closed in the middle of its answer to a ping");
      }
      reader.filled(count);
      const packet = reader.next();
      if (!packet) continue;
      const peer = peerOf(packet);
      if (reader.pending > 0) throw new Error("it said more than an answer to a ping");
      return { kind: "peer", peer };
    }
  } catch (error) {
    if (timedOut) throw new Error(`no answer to a ping within ${timeoutMs / 1000} s`);
    if (isSocketError(error) && reader.pending === 0) return { kind: "silent" };
    throw error;
  } finally {
    cancel();
  }
}

export function isKeptAlive(peer: Peer): boolean {
  return peer.kind === "ours" && peer.keepAlive;
}

function isSocketError(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.UnexpectedEof;
}

function textOf(error: unknown): string {
  return reasonOf(error);
}

/** The next piece of a body; null when the file has no more, although it should. */
function readChunk({ bodySize, readBody }: Parcel, at: number): Uint8Array | null {
  const chunk = new Uint8Array(Math.min(WRITE_SIZE, bodySize - at));
  const count = readBody(chunk, at);
  return count === 0 ? null : chunk.subarray(0, count);
}

function cutOff({ bodySize }: Parcel, at: number): string {
  return `its file ends ${bodySize - at} bytes too soon`;
}
