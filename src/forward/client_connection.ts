/**
 * One connection to a target. Tasks go out in the order in which they are given, each as soon as it
 * can, without waiting for the answers to those before; the answers come in the same order.
 *
 * Whatever goes wrong ends the connection, and every task without an answer is lost: nobody knows
 * whether the peer took it.
 */

import { type Cancel, type Clock, nextTurn } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { hangUp } from "../platform/tcp_socket.ts";
import { isHangUp } from "../wire/hang_up.ts";
import { HEADER_SIZE } from "../wire/packet.ts";
import type { RawPacket } from "../wire/reader.ts";
import { AnswerReader } from "../wire/answer_reader.ts";
import type { Delivery } from "./delivery.ts";
import { DeliveryWriter } from "./delivery_writer.ts";
import { type DeliveryResult, type Outstanding, OutstandingTasks } from "./outstanding.ts";
import { answerOf, isKeptAlive, type Peer } from "../wire/peer.ts";

/** How a connection broke. */
export interface Break {
  readonly reason: string;
  readonly cause: "hang-up" | "silence" | "nonsense";
  /** Answers that the peer gave before. */
  readonly answers: number;
  /** The id of the task that the peer had to answer; null when it had none. */
  readonly firstId: string | null;
}

export interface ClientConnectionOptions {
  readonly socket: Deno.Conn;
  readonly peer: Peer;
  readonly secret: string | null;
  /** Tasks that may wait for their answer at the same time. */
  readonly window: number;
  /** Without progress for so long the peer counts as dead. */
  readonly timeoutMs: number;
  /** Without work for so long it is closed. */
  readonly idleMs: number;
  readonly clock: Clock;
  /** Milliseconds since the epoch, never the same twice. */
  stamp(): number;
  /** Called once, before what was lost is settled; null is an end that is nobody's fault. */
  ended(how: Break | null): void;
  /** Called when there may be room again. */
  room(): void;
}

/** uWSGI's default buffer-size: at a larger packet it hangs up without a word. */
const UWSGI_BUFFER = 4096;
/** Answers taken at once: what replaces the tasks answered is sent while the rest is still settled. */
const ANSWERS_AT_ONCE = 32;

export class ClientConnection {
  readonly #options: ClientConnectionOptions;
  readonly #tasks = new OutstandingTasks();
  readonly #writer: DeliveryWriter;
  #answers = 0;
  #retired = false;
  #ended = false;
  #progressAt: number;
  #cancelTimer: Cancel = () => {};

  constructor(options: ClientConnectionOptions) {
    this.#options = options;
    this.#progressAt = options.clock.monotonic();
    const { socket, peer, secret, stamp } = options;
    this.#writer = new DeliveryWriter({
      ...{ socket, peer, secret, stamp, tasks: this.#tasks },
      isEnded: () => this.#ended,
      progressed: () => this.#progressed(),
      dropped: () => options.room(),
      abandoned: (task, reason) => this.#settleAndEnd(task, { kind: "invalid", reason }),
      failed: (error) => this.#failed(error),
    });
    this.#read();
    this.#watchTime();
  }

  /** Tasks that it can take now. */
  get room(): number {
    if (this.#ended || this.#retired) return 0;
    // A peer of version 0 takes one packet and closes.
    if (!isKeptAlive(this.#options.peer)) return this.#answers + this.load > 0 ? 0 : 1;
    // What waits behind a body may wait long: another connection is the better one.
    return this.#tasks.hasBody ? 0 : this.#options.window - this.load;
  }

  get load(): number {
    return this.#tasks.size;
  }

  /** Whether it takes no more tasks, and only waits for answers. */
  get isRetired(): boolean {
    return this.#retired;
  }

  send(delivery: Delivery): Promise<DeliveryResult> {
    const { promise, resolve } = Promise.withResolvers<DeliveryResult>();
    const wasIdle = this.load === 0;
    this.#tasks.add(delivery, resolve);
    if (wasIdle) {
      this.#progressed();
      this.#watchTime();
    }
    this.#writer.write();
    return promise;
  }

  /** Takes no more tasks, and closes when those it has are answered. */
  retire(): void {
    this.#retired = true;
    if (this.load === 0) this.close();
  }

  /** Hangs up; what waits is lost, and the peer is not to blame. */
  close(): void {
    this.#end(null);
  }

  #progressed(): void {
    this.#progressAt = this.#options.clock.monotonic();
  }

  async #read(): Promise<void> {
    const { socket } = this.#options;
    const reader = new AnswerReader();
    try {
      while (!this.#ended) {
        const count = await socket.read(reader.space());
        if (count === null) return this.#hungUp();
        reader.filled(count);
        let taken = 0;
        for (let packet = reader.next(); packet && !this.#ended; packet = reader.next()) {
          this.#answered(packet);
          if (++taken % ANSWERS_AT_ONCE === 0) await nextTurn();
        }
        if (!this.#ended) this.#options.room();
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #answered(packet: RawPacket): void {
    const { first } = this.#tasks;
    if (!first) throw new Error("it answered a task that it was not sent");
    const answer = answerOf(packet, first.signed);
    this.#progressed();
    this.#answers++;
    if (first.state === "begun" && first.delivery.bodySize > 0) {
      if (answer.kind === "accepted") {
        throw new Error("it accepted a task before all of it was sent");
      }
      // It does not want the rest of the body, and this side does not want to send it.
      return this.#settleAndEnd(first, answer);
    }
    this.#tasks.remove(first);
    first.settle(answer);
    const isLast = this.#retired && this.load === 0;
    if (isLast || !isKeptAlive(this.#options.peer)) this.close();
  }

  #watchTime(): void {
    const { clock, timeoutMs, idleMs } = this.#options;
    this.#cancelTimer();
    const isIdle = this.load === 0;
    const leftMs = this.#progressAt + (isIdle ? idleMs : timeoutMs) - clock.monotonic();
    if (leftMs > 0) this.#cancelTimer = clock.after(leftMs, () => this.#watchTime());
    else if (isIdle) this.close();
    else this.#break(`no answer for ${timeoutMs / 1000} s`, "silence");
  }

  #failed(error: unknown): void {
    if (isHangUp(error)) this.#hungUp();
    else this.#break(reasonOf(error), "nonsense");
  }

  #hungUp(): void {
    const { first } = this.#tasks;
    if (this.#options.peer.kind !== "uwsgi" || !first) {
      return this.#break("it closed the connection", "hang-up");
    }
    const size = first.size - HEADER_SIZE;
    const what = "it closed the connection at a task without an answer, like a uWSGI with";
    if (size <= UWSGI_BUFFER) return this.#break(`${what} no spooler plugin`, "hang-up");
    const reason = `${what} a buffer-size below the ${size} bytes of this task ` +
      `(${UWSGI_BUFFER} when it is not set), or no spooler plugin`;
    this.#settleAndEnd(first, { kind: "oversized", reason });
  }

  #break(reason: string, cause: Break["cause"]): void {
    const firstId = this.#tasks.first?.delivery.id ?? null;
    this.#end({ reason, cause, answers: this.#answers, firstId });
  }

  /** The connection cannot go on after this task, and the peer is not to blame. */
  #settleAndEnd(task: Outstanding, result: DeliveryResult): void {
    if (this.#ended) return;
    this.#tasks.remove(task);
    this.close();
    task.settle(result);
  }

  #end(how: Break | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimer();
    hangUp(this.#options.socket, this.#writer.isWriting);
    const lost = this.#tasks.removeAll();
    // A peer may hang up on a connection that has nothing to do.
    this.#options.ended(lost.length === 0 && how?.cause === "hang-up" ? null : how);
    const reason = how?.reason ?? "the connection was closed";
    for (const [i, { settle, state }] of lost.entries()) {
      settle({ kind: "lost", reason, first: i === 0 && state !== "waiting" });
    }
  }
}
