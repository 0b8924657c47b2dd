/** Writes the tasks of one connection in their order: those without a body many at a time. */

import { nextTurn } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { writeAll } from "../wire/client.ts";
import { cutOff, hashBody, readChunk } from "./body_chunks.ts";
import { type Delivery, LARGEST_PACKET, writeDelivery } from "./delivery.ts";
import type { DeliveryResult, Outstanding, OutstandingTasks } from "./outstanding.ts";
import type { Peer } from "../wire/peer.ts";
import { counted } from "../platform/count_text.ts";

export interface DeliveryWriterOptions {
  readonly socket: Deno.Conn;
  readonly peer: Peer;
  readonly secret: string | null;
  readonly tasks: OutstandingTasks;
  /** Milliseconds since the epoch, never the same twice. */
  stamp(): number;
  /** Whether the connection has ended: what its tasks were is not to be read any more. */
  isEnded(): boolean;
  /** Called whenever bytes have gone out. */
  progressed(): void;
  /** Called when a task was settled of which no byte was sent. */
  dropped(): void;
  /** Called when a task was begun and cannot be finished: the connection has to end. */
  abandoned(task: Outstanding, reason: string): void;
  failed(error: unknown): void;
}

/** Bodyless packets that are ready go out in one write of about this size. */
const WRITE_SIZE = 64 * 1024;

/** Where the packets of a write are put together, one connection after the other. */
const scratch = new Uint8Array(WRITE_SIZE + LARGEST_PACKET);

export class DeliveryWriter {
  #writing = false;

  constructor(private readonly options: DeliveryWriterOptions) {}

  get isWriting(): boolean {
    return this.#writing;
  }

  /** Writes what is unsent, unless that goes on already; never rejects. */
  async write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    const { tasks, isEnded, failed } = this.options;
    try {
      // What takes the places of answered tasks is sent together, and shares a sync of the peer: that
      // would otherwise begin with the first alone. And no write begins amid another connection's.
      await nextTurn();
      while (!isEnded()) {
        const [next] = tasks.unsent();
        if (!next) break;
        if (next.delivery.bodySize > 0) await this.#sendWithBody(next);
        else await this.#sendBatch();
      }
    } catch (error) {
      failed(error);
    } finally {
      this.#writing = false;
    }
  }

  async #sendBatch(): Promise<void> {
    const { socket, tasks, progressed } = this.options;
    const batch: Outstanding[] = [];
    let end = 0;
    for (const next of tasks.unsent()) {
      if (next.delivery.bodySize > 0 || end >= WRITE_SIZE) break;
      const packetEnd = this.#writePacket(next, end);
      if (packetEnd === null) continue;
      batch.push(next);
      end = packetEnd;
    }
    for (const each of batch) tasks.begin(each);
    await writeAll(socket, scratch.slice(0, end));
    for (const each of batch) tasks.sent(each);
    progressed();
  }

  async #sendWithBody(task: Outstanding): Promise<void> {
    const { delivery } = task;
    const { peer, socket, tasks, isEnded, progressed, abandoned } = this.options;
    const problem = bodyProblem(delivery, peer);
    if (problem) return this.#drop(task, problem);
    const bodySha256 = await this.#hash(task);
    if (isEnded() || bodySha256 === null) return;
    const end = this.#writePacket(task, 0, bodySha256);
    if (end === null) return;
    tasks.begin(task);
    await writeAll(socket, scratch.slice(0, end));
    for (let at = 0; at < delivery.bodySize;) {
      // An answer ahead of the end, or the end of the connection: the task is not ours to read any more.
      if (isEnded()) return;
      const chunk = readChunk(delivery, at);
      if (chunk === null) return abandoned(task, cutOff(delivery, at));
      await writeAll(socket, chunk);
      progressed();
      at += chunk.length;
    }
    if (!isEnded()) tasks.sent(task);
  }

  /** Undefined when no hash is wanted; null when the connection has ended, or the task is settled. */
  async #hash(task: Outstanding): Promise<string | null | undefined> {
    const { secret, isEnded, progressed } = this.options;
    if (secret === null) return undefined;
    const goesOn = () => {
      progressed();
      return !isEnded();
    };
    try {
      return await hashBody(task.delivery, goesOn);
    } catch (error) {
      this.#drop(task, { kind: "invalid", reason: reasonOf(error) });
      return null;
    }
  }

  /** Into the scratch. Returns where the packet ends; null when the task, now settled, cannot be one. */
  #writePacket(task: Outstanding, at: number, bodySha256?: string): number | null {
    const { peer, secret, stamp } = this.options;
    try {
      const hash = bodySha256 === undefined ? {} : { bodySha256 };
      const sending = { peer, secret, now: stamp(), ...hash };
      const { end, signed } = writeDelivery(task.delivery, sending, scratch, at);
      task.size = end - at;
      task.signed = signed;
      return end;
    } catch (error) {
      this.#drop(task, { kind: "invalid", reason: reasonOf(error) });
      return null;
    }
  }

  #drop(task: Outstanding, result: DeliveryResult): void {
    if (!this.options.tasks.remove(task)) return;
    task.settle(result);
    this.options.dropped();
  }
}

/** Why a body cannot go to this peer; null when it can. */
function bodyProblem({ bodySize }: Delivery, peer: Peer): DeliveryResult | null {
  if (peer.kind !== "spooler" || !peer.body) {
    const reason = "it has a body, and the peer accepts none: the body would be lost";
    return { kind: "unfit", reason };
  }
  if (peer.maxBody === null || bodySize <= peer.maxBody) return null;
  return {
    kind: "invalid",
    reason: `its body has ${counted(bodySize, "byte")}, the peer accepts ${peer.maxBody}`,
  };
}
