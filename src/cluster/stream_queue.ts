/**
 * The tasks of a stream and those that were given up, for whoever looks at them from outside, and what
 * an operator may do to them. Nothing is pulled: what workers get does not change.
 */

import { BODY_HEADER, MESSAGE_ID } from "../nats/headers.ts";
import type { NatsLink } from "../nats/link.ts";
import { messageIn } from "../nats/message.ts";
import { messageAt, messagesOf, type StreamMessage } from "../nats/messages.ts";
import { ATTEMPTS_SUFFIX, FAILED_SUFFIX } from "../nats/stream_address.ts";
import { functionToken } from "../nats/subject.ts";
import type { Clock } from "../platform/clock.ts";
import type { TaskPlace } from "../spool/inspected.ts";
import { type ListFilter, passes } from "../spool/matching.ts";
import type { Changed } from "../spool/task.ts";
import { failureOf, type StreamAttempts, streamAttemptsOf } from "./failure.ts";
import { forgetAttempts } from "./records.ts";
import { callRoll, type StreamWorker } from "./roll_call.ts";
import { idLabel, type StreamTask, streamTaskOf } from "./stream_task.ts";

/** What is asked once for all tasks. */
interface StreamKnowledge {
  readonly attempts: ReadonlyMap<number, StreamAttempts>;
  readonly held: ReadonlySet<number>;
}

/** A message, and whether it is one of a task that was given up. */
export interface StreamPosition {
  readonly place: TaskPlace;
  readonly sequence: number;
}

/** Behind the id of a task that was given up, when it runs again: `ID~17`. */
const RETRY_MARK = /~\d+$/;

export class StreamQueue {
  #workers: Promise<readonly StreamWorker[]> | null = null;

  constructor(readonly link: NatsLink, private readonly clock: Clock) {}

  /** As it was written. */
  get address(): string {
    return this.link.address.text;
  }

  /** Programs that work through it, asked once. */
  workers(): Promise<readonly StreamWorker[]> {
    return this.#workers ??= callRoll(this.link);
  }

  /** In the order in which they are given out; those that were given up come last. */
  async *list(filter: ListFilter = {}): AsyncGenerator<StreamTask> {
    const { states, func } = filter;
    const token = func === undefined ? null : functionToken(func);
    const fits = ({ subject }: StreamMessage) => token === null || subject.endsWith(`.${token}`);
    if (states?.some((state) => state !== "failed") ?? true) {
      const known = await this.#knowledge();
      for await (const message of messagesOf(this.link, this.#streamOf("queue"))) {
        const task = fits(message) ? this.#waiting(message, known) : null;
        if (task !== null && passes(task, filter)) yield task;
      }
    }
    if (states?.includes("failed") ?? true) {
      for await (const message of messagesOf(this.link, this.#streamOf("failed"))) {
        const task = fits(message) ? this.#failed(message) : null;
        if (task !== null && passes(task, filter)) yield task;
      }
    }
  }

  /** Null when it is not there. */
  async at({ place, sequence }: StreamPosition): Promise<StreamTask | null> {
    const message = await messageAt(this.link, this.#streamOf(place), sequence);
    if (message === null) return null;
    if (place === "failed") return this.#failed(message);
    const attempts = await this.#attemptsAt(sequence);
    return this.#waiting(message, { attempts, held: await this.#held() });
  }

  /** The tasks whose ids, or the names in them, are or begin with a text; whole ones before others. */
  async withId(text: string): Promise<StreamTask[]> {
    const found: StreamPosition[] = [];
    const whole: StreamPosition[] = [];
    for (const place of ["queue", "failed"] as const) {
      for await (const message of messagesOf(this.link, this.#streamOf(place))) {
        const id = message.header(MESSAGE_ID);
        const names = [id, idLabel(id)];
        const position = { place, sequence: message.sequence };
        if (names.includes(text)) whole.push(position);
        else if (names.some((name) => name.startsWith(text))) found.push(position);
      }
    }
    const tasks = await Promise.all(
      (whole.length > 0 ? whole : found).map((each) => this.at(each)),
    );
    return tasks.filter((task) => task !== null);
  }

  /**
   * A task that was given up runs again, as a new one: with its old id the servers would take it for
   * repeated. The new id is the same however often this is tried.
   */
  async retry({ place, sequence, id, subject, message }: StreamTask): Promise<Changed> {
    if (place !== "failed") {
      const reason = "it is in the stream, and NATS gives it out when its time has come";
      return { kind: "refused", reason };
    }
    const { jetstream, library, address: { stream } } = this.link;
    const headers = library.headers();
    const body = message.header(BODY_HEADER);
    if (body !== "") headers.set(BODY_HEADER, body);
    const to = stream + subject.slice(stream.length + FAILED_SUFFIX.length);
    const msgID = `${id.replace(RETRY_MARK, "")}~${sequence}`;
    await jetstream.publish(to, message.data, { headers, msgID });
    await this.#delete(place, sequence);
    return { kind: "changed", was: "failed" };
  }

  /** What a program has goes on there. */
  async remove({ place, sequence, state, storedBody }: StreamTask): Promise<Changed> {
    if (state.kind === "running") return { kind: "running" };
    if (!await this.#delete(place, sequence)) return { kind: "gone" };
    if (place === "queue") await forgetAttempts(this.link, sequence);
    if (storedBody !== null) await (await this.link.bodies()).delete(storedBody);
    return { kind: "changed", was: state.kind };
  }

  /** The number of the last message of those that were given up. */
  async lastFailed(): Promise<number> {
    const { state } = await this.link.manager.streams.info(this.#streamOf("failed"));
    return state.last_seq;
  }

  /** The task that was given up and had this number, or this id; null when none had. */
  async failedOf(sequence: number, id: string | null, from: number): Promise<StreamTask | null> {
    for await (const message of messagesOf(this.link, this.#streamOf("failed"), from)) {
      const failure = failureOf(message);
      const isIt = failure?.sequence === sequence &&
        (id === null || message.header(MESSAGE_ID) === id);
      if (isIt) return this.#failed(message);
    }
    return null;
  }

  #streamOf(place: TaskPlace): string {
    const { stream } = this.link.address;
    return place === "failed" ? `${stream}${FAILED_SUFFIX}` : stream;
  }

  /** False when it is gone. */
  async #delete(place: TaskPlace, sequence: number): Promise<boolean> {
    const { manager, library } = this.link;
    try {
      return await manager.streams.deleteMessage(this.#streamOf(place), sequence, false);
    } catch (error) {
      if (error instanceof library.JetStreamApiError && NOT_THERE.includes(error.code)) {
        return false;
      }
      throw error;
    }
  }

  #waiting(message: StreamMessage, { attempts, held }: StreamKnowledge): StreamTask {
    const { sequence } = message;
    return streamTaskOf(message, {
      ...{ address: this.address, place: "queue", now: this.clock.now() },
      attempts: attempts.get(sequence) ?? null,
      isHeld: held.has(sequence),
    });
  }

  #failed(message: StreamMessage): StreamTask {
    return streamTaskOf(message, {
      ...{ address: this.address, place: "failed", now: this.clock.now() },
      ...{ attempts: null, isHeld: false },
    });
  }

  async #knowledge(): Promise<StreamKnowledge> {
    const held = this.#held();
    const attempts = new Map<number, StreamAttempts>();
    const stream = this.link.address.stream + ATTEMPTS_SUFFIX;
    for await (const { subject, data } of messagesOf(this.link, stream)) {
      const sequence = Number(subject.slice(stream.length + 1));
      const known = streamAttemptsOf(new TextDecoder().decode(data));
      if (known !== null) attempts.set(sequence, known);
    }
    return { attempts, held: await held };
  }

  async #attemptsAt(sequence: number): Promise<Map<number, StreamAttempts>> {
    const stream = this.link.address.stream + ATTEMPTS_SUFFIX;
    const stored = await messageIn(this.link, stream, {
      last_by_subj: `${stream}.${sequence}`,
    });
    const known = stored === null ? null : streamAttemptsOf(stored.string());
    return new Map(known === null ? [] : [[sequence, known]]);
  }

  async #held(): Promise<ReadonlySet<number>> {
    return new Set((await this.workers()).flatMap(({ held }) => held));
  }
}

/** err_code of a message, and of a stream's part, that is not there. */
const NOT_THERE: readonly number[] = [10037, 10043, 10057];
