/**
 * The conversation on one connection. Version 0, uWSGI's: one packet, one answer, close. A packet
 * with {@link KEEP_OPEN} keeps the connection open for the next; packets may come without waiting for
 * the answers to those in front, which go out in order. docs/protocol.md has every byte.
 *
 * A connection is, one after the other:
 * - idle: between packets; it may be closed at any time
 * - reading: a part of a packet or of a body has come, and the rest has a deadline
 * - working: a task is being put on disk, or an answer is being written
 * - closed
 */

import type { Clock } from "../platform/clock.ts";
import { acceptedAnswer, pingAnswer, PONG, refusalAnswer, REFUSED } from "../wire/answer.ts";
import { AnswerQueue } from "./answers.ts";
import { BodyReader, type IncomingBody } from "./body.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { FruitlessPackets } from "./fruitless.ts";
import { KEEP_OPEN, MODIFIER_PING, MODIFIER_SPOOL } from "../wire/packet.ts";
import { type IncomingPacket, PacketInput } from "./packet_input.ts";
import type { PacketMemory, Permit } from "./packet_memory.ts";
import {
  type Accept,
  type Identify,
  type IncomingRequest,
  refusalOf,
  requestOf,
  signerOf,
} from "./incoming_task.ts";
import { PacketReader, type RawPacket } from "../wire/reader.ts";
import { isHangUp } from "../wire/hang_up.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { Signed } from "../wire/signature.ts";
import type { ConnectionLimits } from "./settings.ts";
import { discardRest, type PeerStream } from "./stream.ts";
import { reasonOf } from "../platform/reason.ts";

export interface ConnectionOptions {
  readonly stream: PeerStream;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly memory: PacketMemory;
  readonly deadlines: Deadlines;
  readonly features: readonly string[];
  readonly accept: Accept;
  /** The name of this receiver. */
  readonly receiver: string;
  /** Which secret of ours signed a packet, so that its answer can be signed as well. */
  readonly identify: Identify;
  /** Called for every refusal. */
  readonly refused: (from: string, refusal: RefusalError) => void;
}

/** Packets of one connection that are worked on at the same time. */
const MOST_OPEN = 64;
/** A connection that was asked to stay open is closed when nothing comes for so long. */
const IDLE_MS = 60_000;
export class PeerConnection {
  readonly #options: ConnectionOptions;
  readonly #stream: PeerStream;
  readonly #reader: PacketReader;
  readonly #answers: AnswerQueue;
  readonly #input: PacketInput;
  readonly #writeDeadline: Deadline;
  readonly #stopDeadline: Deadline;
  #isReadingBody = false;
  #served = 0;
  readonly #fruitless: FruitlessPackets;
  #stopping = false;
  /** Why this side closed it; null while it did not. */
  #closedFor: RefusalError | "stop" | null = null;

  constructor(options: ConnectionOptions) {
    const { stream, memory, deadlines, limits } = options;
    this.#options = options;
    this.#stream = stream;
    this.#fruitless = new FruitlessPackets(options.clock);
    this.#reader = new PacketReader(limits.maxVarsSize);
    this.#input = new PacketInput({
      ...{ stream, deadlines, memory, reader: this.#reader, timeoutMs: limits.timeoutMs },
      expired: () => this.#readTimedOut(),
    });
    this.#writeDeadline = deadlines.add(() =>
      this.end(new RefusalError("slow", `it did not read its answers ${this.#timeoutText()}`))
    );
    this.#stopDeadline = deadlines.add(() =>
      this.end(new RefusalError("cut off", "this program stops; the packet was incomplete", true))
    );
    this.#answers = new AnswerQueue(stream, (isWriting) => {
      if (isWriting) deadlines.set(this.#writeDeadline, limits.timeoutMs);
      else this.#writeDeadline.at = Infinity;
    });
  }

  /** Whether no task of it is being worked on: closing it then costs the peer nothing but time. */
  get isWaiting(): boolean {
    return this.#answers.open === 0;
  }

  /** Talks until one side has nothing more to say; never rejects. */
  async run(): Promise<void> {
    const { deadlines } = this.#options;
    try {
      await this.#converse();
      await this.#answers.fewerThan(1);
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.#input.close();
      deadlines.delete(this.#writeDeadline);
      deadlines.delete(this.#stopDeadline);
      this.#stream.close();
    }
  }

  /** Closes it at once, for this reason. */
  end(reason: RefusalError): void {
    this.#closedFor ??= reason;
    this.#stream.close();
  }

  /**
   * Takes no more packets: what has begun is finished and answered, then it closes. What the peer has
   * only begun to send has one timeout to come.
   */
  stop(): void {
    this.#stopping = true;
    const { deadlines, limits } = this.#options;
    if (this.#reader.pending > 0 || this.#isReadingBody) {
      return deadlines.set(this.#stopDeadline, limits.timeoutMs);
    }
    const close = () => {
      this.#closedFor ??= "stop";
      this.#stream.close();
    };
    this.#answers.fewerThan(1).then(close, close);
  }

  async #converse(): Promise<void> {
    while (true) {
      await this.#answers.fewerThan(MOST_OPEN);
      const next = await this.#input.next(this.#idleMs);
      if (next === null) return;
      const staysOpen = await this.#handle(next);
      this.#served++;
      if (!staysOpen || this.#stopping) return;
      if (this.#fruitless.isTooMany) return;
      if (!this.#fruitless.isMany) continue;
      await this.#answers.fewerThan(1);
      await this.#fruitless.pause();
    }
  }

  get #idleMs(): number {
    return this.#served === 0 ? this.#options.limits.timeoutMs : IDLE_MS;
  }

  #readTimedOut(): void {
    if (this.#reader.pending === 0 && this.#answers.open > 0) return this.#input.wait(this.#idleMs);
    if (this.#reader.pending === 0 && this.#served > 0) return this.stop();
    this.end(new RefusalError("slow", `no whole packet ${this.#timeoutText()}`));
  }

  #timeoutText(): string {
    return `within ${this.#options.limits.timeoutMs / 1000} s (socket-timeout)`;
  }

  /** @returns whether the connection stays open for another packet */
  async #handle({ packet, memory }: IncomingPacket): Promise<boolean> {
    const { modifier1, modifier2 } = packet.header;
    const staysOpen = (modifier2 & KEEP_OPEN) !== 0;
    if (modifier1 === MODIFIER_PING) {
      this.#fruitless.add();
      // uwsgi --ping takes anything behind the header for a warning.
      this.#answers.add(Promise.resolve(staysOpen ? this.#pingAnswer(packet) : PONG));
      memory[Symbol.dispose]();
      return staysOpen;
    }
    if (modifier1 !== MODIFIER_SPOOL) {
      memory[Symbol.dispose]();
      throw new RefusalError(
        "malformed",
        `modifier1 ${modifier1} is not supported (17 is a task, 100 a ping)`,
      );
    }
    return await this.#take(packet, memory, staysOpen);
  }

  #pingAnswer(packet: RawPacket): Uint8Array {
    const { limits, features, receiver } = this.#options;
    const request = signerOf(requestOf(packet, this.#options.identify));
    return pingAnswer({ features, maxBody: limits.maxBodySize, receiver, request });
  }

  async #take(packet: RawPacket, memory: Permit, staysOpen: boolean): Promise<boolean> {
    const { bodySize } = packet;
    const { maxBodySize } = this.#options.limits;
    const request = requestOf(packet, this.#options.identify);
    if (bodySize === null) {
      const answer = this.#answerTo(request, null, staysOpen);
      this.#answers.add(answer);
      answer.finally(() => memory[Symbol.dispose]());
      return staysOpen;
    }
    using _memory = memory;
    if (bodySize > maxBodySize) {
      const message = `the body has ${bodySize} bytes; spooler-max-body is ${maxBodySize}`;
      const refusal = new RefusalError("too large", message);
      const answer = this.#refuse(refusal, staysOpen, signerOf(request));
      await this.#answerLast(answer);
      return false;
    }
    await this.#takeWithBody(request, bodySize, staysOpen);
    return staysOpen;
  }

  /** Resolves when the whole body has come, whatever is done with it. */
  async #takeWithBody(request: IncomingRequest, size: number, staysOpen: boolean): Promise<void> {
    const { stream, memory, deadlines, limits: { timeoutMs } } = this.#options;
    const deadline = deadlines.add(() => {
      this.end(new RefusalError("slow", `the body did not arrive ${this.#timeoutText()}`));
    });
    const body = new BodyReader({
      ...{ size, reader: this.#reader, stream, memory, deadlines, deadline, timeoutMs },
    });
    this.#isReadingBody = true;
    try {
      const answer = this.#answerTo(request, body, staysOpen);
      this.#answers.add(answer);
      await Promise.race([body.whole, answer]);
      await body.drain();
    } finally {
      deadlines.delete(deadline);
      this.#isReadingBody = false;
    }
  }

  /** Never rejects. Until its first wait it runs at once, so tasks are put in their order. */
  async #answerTo(
    request: IncomingRequest,
    body: IncomingBody | null,
    staysOpen: boolean,
  ): Promise<Uint8Array> {
    const { accept } = this.#options;
    const { from, credential, sender } = this.#stream;
    try {
      if ("error" in request) throw request.error;
      const { vars, signed } = request;
      await accept({ vars, signed, body, from, credential, sender });
      this.#fruitless.reset();
      return acceptedAnswer(signerOf(request));
    } catch (error) {
      const refusal = this.#closedFor === null ? refusalOf(error) : null;
      return this.#refuse(refusal, staysOpen, signerOf(request));
    }
  }

  /** @param refusal null when it is logged elsewhere */
  #refuse(refusal: RefusalError | null, staysOpen: boolean, signer: Signed | null): Uint8Array {
    this.#fruitless.add();
    if (refusal === null) return REFUSED;
    this.#options.refused(this.#stream.from, refusal);
    return staysOpen || signer !== null ? refusalAnswer(refusal, signer) : REFUSED;
  }

  /** What went wrong with the conversation itself; a peer that can be answered is. */
  async #fail(error: unknown): Promise<void> {
    const closedFor = this.#closedFor;
    if (closedFor === "stop") return;
    if (closedFor !== null) return this.#options.refused(this.#stream.from, closedFor);
    if (error instanceof RefusalError && error.kind === "too large") {
      await this.#answerLast(this.#refuse(error, false, null)).catch(() => {});
    } else if (error instanceof RefusalError) {
      this.#options.refused(this.#stream.from, error);
    } else if (this.#reader.pending > 0 || this.#answers.open > 0 || !isHangUp(error)) {
      const reason = reasonOf(error);
      const message = `the connection broke before its answer: ${reason}`;
      this.#options.refused(this.#stream.from, new RefusalError("cut off", message));
    }
  }

  /**
   * Sends an answer although more is coming that nobody will read. Closing at once would make the
   * kernel reset the connection, and the peer might never see the answer.
   */
  async #answerLast(answer: Uint8Array): Promise<void> {
    this.#answers.add(Promise.resolve(answer));
    await this.#answers.fewerThan(1);
    this.#closedFor = "stop";
    const { limits } = this.#options;
    this.#input.wait(limits.timeoutMs);
    await this.#stream.closeWrite();
    await discardRest(this.#stream);
  }
}
