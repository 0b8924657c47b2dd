/**
 * The conversation on one connection. Version 0, uWSGI's: one packet, one answer, close. A packet
 * with KEEP_OPEN keeps the connection open for the next; packets may come without waiting for
 * the answers to those in front, which go out in order. docs/protocol.md has every byte.
 *
 * Nothing here waits: bytes are pushed in, and what is to be done with the connection is said to its
 * {@link Transport}. So one conversation serves an event loop as well as a loop that calls the system.
 * This file is longer than 300 lines because all of that is one state.
 *
 * A connection is, one after the other:
 * - idle: between packets; it may be closed at any time
 * - reading: a part of a packet or of a body has come, and the rest has a deadline
 * - working: a task is being put on disk, or an answer is being written
 * - lingering: its last answer is on its way, and what the peer still sends is thrown away
 * - closed
 */

import type { Cancel, Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { isHangUp } from "../wire/hang_up.ts";
import { RefusalError } from "../wire/refusal.ts";
import { AnswerQueue } from "./answers.ts";
import type { AnswersTogether } from "./answers_together.ts";
import type { BodyInput } from "./body.ts";
import type { Round } from "../platform/round.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { FruitlessPackets } from "./fruitless.ts";
import { PacketInput } from "./packet_input.ts";
import type { PacketMemory } from "./packet_memory.ts";
import { PacketWork } from "./packet_work.ts";
import type { ConversationRules } from "./rules.ts";
import type { PeerIdentity, Transport } from "./transport.ts";
import { counted } from "../platform/count_text.ts";

/** What conversations have in common. */
export interface ConversationOptions {
  /** What holds now: a reload changes it for connections that are open, too. */
  readonly rules: () => ConversationRules;
  readonly clock: Clock;
  readonly memory: PacketMemory;
  readonly deadlines: Deadlines;
  readonly round: Round;
  /** Absent sends each answer when it is known. */
  readonly together?: AnswersTogether;
  /** Called for every refusal. */
  readonly refused: (from: string, refusal: RefusalError) => void;
}

/** Makes what carries a conversation, to which it says nothing before it is asked to read. */
export interface Carrier {
  makeTransport(conversation: Conversation): Transport;
}

/** Who keeps conversations. */
export interface ConversationOwner {
  /** Called before each task. */
  active(conversation: Conversation): void;
  /** Called once, when nothing of it is left. */
  finished(conversation: Conversation): void;
}

/** Of a connection that did not get its answer. */
export const BROKEN = "the connection broke before its answer";
/** Packets of one connection that are worked on at the same time. */
const MOST_OPEN = 64;
/** A connection that was asked to stay open is closed when nothing comes for so long. */
const IDLE_MS = 60_000;
/** So much of a body must come in each timeout, that a slow one does not hold its place for days. */
const SLOWEST_BYTES = 1024;
/** Behind a refusal that ends a connection, so much is still read, that the peer sees the answer. */
const LINGER_BYTES = 1024 * 1024;
const LINGER_BUFFER = 16 * 1024;

/** A body that comes in, and how much of it since its deadline was set. */
interface BodyUnderWay {
  readonly input: BodyInput;
  sinceDeadline: number;
}

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #owner: ConversationOwner;
  readonly #transport: Transport;
  readonly #answers = new AnswerQueue();
  readonly #fruitless = new FruitlessPackets();
  readonly #input: PacketInput;
  readonly #work: PacketWork;
  /** Of the answers, of a body, and of the end of a program that stops. */
  readonly #timers: Deadline[] = [];
  #writeDeadline: Deadline | null = null;
  #bodyDeadline: Deadline | null = null;
  #body: BodyUnderWay | null = null;
  /** What the peer may still send that nobody will read; null while packets are read. */
  #linger: { readonly buffer: Uint8Array<ArrayBuffer>; left: number } | null = null;
  /** Answers that the transport has, and that are not yet on their way. */
  #sending = 0;
  #served = 0;
  /** The peer has to wait before its next packet is read; "over" when it has. */
  #pause: Cancel | "over" | null = null;
  /** In which its last packet was read. */
  #round = -1;
  #waitsForRound = false;
  #isReading = false;
  #isAdvancing = false;
  /** No packet is read behind those that were: it closes when they are answered. */
  #isLast = false;
  /** Then the peer has more on its way, which would make the system reset the connection. */
  #lingers = false;
  #isStopping = false;
  #isClosed = false;
  #isFinished = false;

  constructor(
    options: ConversationOptions,
    owner: ConversationOwner,
    carrier: Carrier,
  ) {
    const { memory, deadlines, rules, together } = options;
    const transport = carrier.makeTransport(this);
    this.#options = options;
    this.#owner = owner;
    this.#transport = transport;
    this.#input = new PacketInput({
      ...{ deadlines, memory },
      limits: () => rules().limits,
      expired: () => this.#readTimedOut(),
      changed: () => this.#advance(),
    });
    this.#work = new PacketWork({
      ...{ memory, rules, answers: this.#answers, fruitless: this.#fruitless },
      peer: transport.peer,
      takeBody: (most) => this.#input.takeBody(most),
      report: (refusal) => this.#report(refusal),
      active: () => owner.active(this),
      changed: together === undefined ? this.#changed : () => together.known(this.#changed),
    });
  }

  readonly #changed = (): void => this.#advance();

  /** Whether no task of it is being worked on: closing it then costs the peer nothing but time. */
  get isWaiting(): boolean {
    return this.#open === 0;
  }

  /** Answers that have not been written yet. */
  get #open(): number {
    return this.#answers.open + this.#sending;
  }

  get peer(): PeerIdentity {
    return this.#transport.peer;
  }

  /** Begins to read. */
  start(): void {
    this.#advance();
  }

  /** Where the bytes that come next are to be put; never empty. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#linger?.buffer ?? this.#body?.input.space() ?? this.#input.space();
  }

  /** Of the last {@link space}, so many bytes were filled. */
  came(count: number): void {
    if (this.#isClosed) return;
    if (this.#linger !== null) {
      this.#linger.left -= count;
      if (this.#linger.left <= 0) this.#close();
      return;
    }
    if (this.#body !== null) {
      this.#body.sinceDeadline += count;
      this.#body.input.came(count);
    } else this.#input.came(count);
    this.#advance();
  }

  /** The peer sends nothing more. */
  ended(): void {
    if (this.#isClosed) return;
    if (this.#linger !== null) return this.#close();
    const { pending } = this.#input;
    if (this.#body !== null) this.#cutBody("the peer closed");
    else if (pending > 0) {
      const message = `the peer closed the connection after ${
        counted(pending, "byte")
      } of a packet`;
      this.#report(new RefusalError("cut off", message));
    }
    this.#isLast = true;
    this.#input.rest();
    this.#advance();
  }

  /** The transport failed: nothing can be read or written any more. */
  broke(error: unknown): void {
    if (this.#isClosed) return;
    const reason = reasonOf(error);
    if (this.#linger !== null) return this.#close();
    if (this.#body !== null) this.#cutBody(`the connection broke (${reason})`);
    else if (this.#input.pending > 0 || this.#open > 0 || !isHangUp(error)) {
      const message = `${BROKEN}: ${reason}`;
      this.#report(new RefusalError("cut off", message));
    }
    this.#close();
  }

  /** All that the transport had is on its way. */
  sent(): void {
    if (this.#isClosed) return;
    this.#sending = 0;
    if (this.#writeDeadline !== null) this.#writeDeadline.at = Infinity;
    this.#advance();
  }

  /** Closes it at once, for this reason. */
  end(reason: RefusalError): void {
    if (this.#isClosed) return;
    this.#report(reason);
    this.#work.end();
    this.#body?.input.fail(reason);
    this.#close();
  }

  /**
   * Takes no more packets: what has begun is finished and answered, then it closes. What the peer has
   * only begun to send has one timeout to come.
   */
  stop(): void {
    if (this.#isClosed || this.#isStopping) return;
    this.#isStopping = true;
    if (this.#linger !== null) return this.#close();
    if (this.#input.pending > 0 || this.#body !== null) {
      const message = "this program stops; the packet was incomplete";
      const deadline = this.#timer(() => this.end(new RefusalError("cut off", message, true)));
      return this.#options.deadlines.set(deadline, this.#timeoutMs);
    }
    this.#isLast = true;
    this.#advance();
  }

  get #timeoutMs(): number {
    return this.#options.rules().limits.timeoutMs;
  }

  #timer(expire: () => void): Deadline {
    const deadline = this.#options.deadlines.add(expire);
    this.#timers.push(deadline);
    return deadline;
  }

  #report(refusal: RefusalError): void {
    this.#options.refused(this.peer.from, refusal);
  }

  /** Does what can be done now, until something has to come: bytes, room, an answer, a time. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    try {
      do {
        while (!this.#isClosed && this.#step());
      } while (!this.#isClosed && this.#flush());
    } finally {
      this.#isAdvancing = false;
    }
    if (this.#isClosed) this.#finish();
  }

  /** @returns whether there may be more to do at once; each that returns false says whether to read */
  #step(): boolean {
    if (this.#linger !== null) return this.#read(true);
    if (this.#body !== null) {
      if (!this.#body.input.isWhole) return this.#readBody(this.#body);
      this.#body = null;
      this.#isLast ||= this.#isStopping;
      if (this.#bodyDeadline !== null) this.#bodyDeadline.at = Infinity;
    }
    if (this.#isLast) return this.#open > 0 ? this.#read(false) : this.#leave();
    if (this.#answers.open >= MOST_OPEN || this.#mustPause()) return this.#read(false);
    if (this.#mustWaitForRound()) return this.#read(false);
    const next = this.#nextPacket();
    if (next === "room" || next === "bytes") return this.#read(next === "bytes");
    if (next === null) return true;
    this.#pause = null;
    this.#round = this.#options.round.number;
    const { end, body } = this.#work.handle(next);
    if (body !== null) this.#body = { input: body, sinceDeadline: SLOWEST_BYTES };
    this.#served++;
    this.#lingers = end === "linger";
    if (end !== null || this.#isStopping || this.#fruitless.isTooMany) this.#isLast = true;
    return true;
  }

  #read(isWanted: boolean): false {
    if (isWanted !== this.#isReading) this.#transport.read(this.#isReading = isWanted);
    return false;
  }

  #readBody(body: BodyUnderWay): false {
    const { isWanted } = body.input;
    if (isWanted && body.sinceDeadline >= SLOWEST_BYTES) {
      body.sinceDeadline = 0;
      this.#bodyDeadline ??= this.#timer(() => {
        this.end(new RefusalError("slow", `the body did not arrive ${this.#timeoutText()}`));
      });
      this.#options.deadlines.set(this.#bodyDeadline, this.#timeoutMs);
    }
    return this.#read(isWanted);
  }

  /** @returns null when what comes is no packet */
  #nextPacket(): ReturnType<PacketInput["next"]> | null {
    try {
      return this.#input.next(this.#idleMs);
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      this.#work.refuse(error);
      this.#isLast = this.#lingers = true;
      return null;
    }
  }

  get #idleMs(): number {
    return this.#served === 0 ? this.#timeoutMs : IDLE_MS;
  }

  /** Whether others come before its next packet: its peer may have sent thousands at once. */
  #mustWaitForRound(): boolean {
    const { round } = this.#options;
    if (this.#waitsForRound) return true;
    if (this.#round !== round.number || !round.isLong) return false;
    this.#waitsForRound = true;
    round.next(() => {
      this.#waitsForRound = false;
      this.#advance();
    });
    return true;
  }

  /** Whether its next packet has to wait for a while, or for the answers to those in front. */
  #mustPause(): boolean {
    const { pauseMs } = this.#fruitless;
    if (pauseMs === 0 || this.#pause === "over") return false;
    if (this.#open > 0 || this.#pause !== null) return true;
    this.#pause = this.#options.clock.after(pauseMs, () => {
      this.#pause = "over";
      this.#advance();
    });
    return true;
  }

  /** Everything is answered. */
  #leave(): boolean {
    if (!this.#lingers) {
      this.#close();
      return false;
    }
    // Closing at once would make the kernel reset the connection, and the peer might never see the answer.
    this.#linger = { buffer: new Uint8Array(LINGER_BUFFER), left: LINGER_BYTES };
    this.#input.wait(this.#timeoutMs);
    this.#transport.closeWrite();
    return true;
  }

  #readTimedOut(): void {
    if (this.#linger !== null) return this.#close();
    if (this.#input.pending === 0 && this.#open > 0) return this.#input.wait(this.#idleMs);
    if (this.#input.pending === 0 && this.#served > 0) return this.stop();
    this.end(new RefusalError("slow", `no whole packet ${this.#timeoutText()}`));
  }

  #timeoutText(): string {
    return `within ${this.#timeoutMs / 1000} s (socket-timeout)`;
  }

  /** The rest of a body will not come. */
  #cutBody(reason: string): void {
    const input = this.#body?.input;
    this.#body = null;
    if (input === undefined) return;
    const message = `${reason} after ${input.received} of ${counted(input.size, "byte")} of a body`;
    input.fail(new RefusalError("cut off", message, true));
  }

  /** @returns whether answers were sent, and all of them are on their way */
  #flush(): boolean {
    const known = this.#sending > 0 ? null : this.#answers.take();
    if (known === null) return false;
    this.#sending = known.count;
    if (!this.#transport.send(known.bytes)) {
      if (this.#isClosed) return false;
      this.#writeDeadline ??= this.#timer(() =>
        this.end(new RefusalError("slow", `it did not read its answers ${this.#timeoutText()}`))
      );
      this.#options.deadlines.set(this.#writeDeadline, this.#timeoutMs);
      return false;
    }
    this.#sending = 0;
    return true;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#transport.close();
    this.#input.close();
    for (const deadline of this.#timers) this.#options.deadlines.delete(deadline);
    if (typeof this.#pause === "function") this.#pause();
    if (!this.#isAdvancing) this.#finish();
  }

  /** What is being put on disk is not its peer's any more, but still to be waited for. */
  #finish(): void {
    if (this.#isFinished || this.#work.isBusy) return;
    this.#isFinished = true;
    this.#input.free();
    this.#owner.finished(this);
  }
}
