/**
 * A spooler on another machine, or behind a unix socket: tasks go out on one connection, many before the
 * first is answered. When the connection breaks it is made anew, and what has no answer is sent again
 * with the same id, which the peer accepts once.
 */

import { type Address, addressText, parseAddress, TLS_PREFIX } from "../wire/address.ts";
import { answerOf, WINDOW } from "../wire/peer.ts";
import type { RawPacket } from "../wire/reader.ts";
import { isDeliveryId } from "../wire/signature.ts";
import { putChain } from "./chain.ts";
import { type DeliveryPacket, deliveryPacket } from "./delivery_packet.ts";
import { PeerLink, type SpoolerPeer } from "./peer_link.ts";
import { encodeTask, type NamedTask } from "./new_task.ts";
import {
  type ConnectOptions,
  mustBeWithin,
  type PendingTask,
  pendingTask,
  type SendOptionsOfTask,
  TaskRefusedError,
  type TaskToSend,
} from "./pending_task.ts";
import type { TaskType } from "./task_type.ts";

const TIMEOUT_MS = 60_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/**
 * @param address `HOST:PORT`, `tls://HOST:PORT`, the path of a unix socket, or `@NAME`
 * @throws {SyntaxError} when it is none of these
 */
export function connect(address: string, options: ConnectOptions = {}): RemoteClient {
  return new RemoteClient(address, options);
}

export class RemoteClient {
  readonly #address: Address;
  readonly #options: ConnectOptions;
  readonly #isTls: boolean;
  readonly #window: number;
  #unsent: PendingTask[] = [];
  /** In the order in which they are answered. */
  #sent: PendingTask[] = [];
  #link: PeerLink | null = null;
  #peer: SpoolerPeer | null = null;
  #isFull = false;
  #delayMs = FIRST_DELAY_MS;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #problem = "";
  #stamp = 0;
  #isClosed = false;
  #idle: (() => void)[] = [];

  constructor(address: string, options: ConnectOptions) {
    this.#isTls = address.startsWith(TLS_PREFIX);
    this.#address = parseAddress(this.#isTls ? address.slice(TLS_PREFIX.length) : address);
    if (this.#isTls && this.#address.kind !== "tcp") {
      throw new SyntaxError(`${TLS_PREFIX} needs HOST:PORT: "${address}"`);
    }
    this.#options = options;
    this.#window = options.window ?? WINDOW;
  }

  /**
   * Sends a task: when this resolves the peer has it on disk.
   *
   * @returns the id it was sent with, or the name of the task that has its `unique` key
   * @throws {TaskRefusedError} when the peer refuses it
   * @throws {TypeError} when a value cannot be part of a task
   * @throws {Error} when the peer has not accepted it in time; it may have it all the same
   * @throws {unknown} the reason of the signal
   */
  put<Keys extends object>(
    task: TaskType<Keys>,
    keys: Keys,
    options?: SendOptionsOfTask,
  ): Promise<string>;
  put(task: string, keys?: object, options?: SendOptionsOfTask): Promise<string>;
  async put(task: NamedTask, keys = {}, options: SendOptionsOfTask = {}): Promise<string> {
    return await this.#send({ ...options, task, keys });
  }

  /**
   * Sends many tasks, as many at a time as the window has room for. They are asked for as they are sent,
   * so that an endless source needs no memory.
   *
   * @returns their ids, in their order
   * @throws {unknown} what {@link put} throws for the first that fails; those around it may be accepted
   */
  async putMany(
    tasks: Iterable<TaskToSend> | AsyncIterable<TaskToSend>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<string[]> {
    const ids: string[] = [];
    const under = new Set<Promise<void>>();
    const failures: unknown[] = [];
    for await (const task of tasks) {
      const index = ids.push("") - 1;
      const sent = this.#send(signal === undefined ? task : { signal, ...task }).then((id) => {
        ids[index] = id;
      }, (error) => {
        failures.push(error);
      }).finally(() => under.delete(sent));
      under.add(sent);
      if (under.size >= 2 * this.#window) await Promise.race(under);
      if (failures.length > 0) break;
    }
    await Promise.all(under);
    if (failures.length > 0) throw failures[0];
    return ids;
  }

  /**
   * Puts tasks that run one after the other: each starts when the one before it is done, and is given up
   * when that is. With an `id` for each the same chain can be put again.
   *
   * @returns their names, in their order
   * @throws {TaskRefusedError} also when the peer is of a version that says no names; then none is put
   * @throws {TypeError} when one of them cannot be a task, or is for another spool: then none is put
   * @throws {unknown} what {@link put} throws; the tasks before it are put, and run
   */
  async chain(...tasks: readonly TaskToSend[]): Promise<string[]> {
    const other = tasks.find(({ spooler }) => spooler !== tasks[0]?.spooler);
    if (other !== undefined) throw new TypeError(`a chain goes into one spool: "${other.spooler}"`);
    return await putChain(tasks, (task) => this.#send(task, true));
  }

  /** Waits for what was put, and hangs up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#isBusy) await new Promise<void>((idle) => this.#idle.push(idle));
    this.#link?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isBusy(): boolean {
    return this.#sent.length + this.#unsent.length > 0;
  }

  #send(wanted: TaskToSend, wantsName = false): Promise<string> {
    return new Promise((resolve, reject) => {
      const { signal, id = `client:${crypto.randomUUID()}`, spooler } = wanted;
      if (this.#isClosed) throw new Error("put: the connection was closed");
      if (!isDeliveryId(id)) {
        throw new TypeError(`an id has 1 to 128 printable characters: "${id}"`);
      }
      signal?.throwIfAborted();
      const task = encodeTask(wanted, spooler);
      // What does not fit is said now.
      deliveryPacket({
        id,
        ...task,
        receiver: id,
        secret: this.#options.secret ?? null,
        ...{ sentAt: 0, wantsName },
      });
      const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS;
      const sending = pendingTask({
        ...{ id, task, wantsName, timeoutMs, resolve, reject },
        ...(signal === undefined ? {} : { signal }),
        late: () => new Error(this.#lateText(timeoutMs)),
        dropped: () => this.#drop(sending),
      });
      this.#unsent.push(sending);
      this.#work();
    });
  }

  #lateText(timeoutMs: number): string {
    const where = `${this.#isTls ? TLS_PREFIX : ""}${addressText(this.#address)}`;
    const why = this.#problem === "" ? "" : `: ${this.#problem}`;
    return `${where} has not accepted a task within ${timeoutMs / 1000} s${why}`;
  }

  /** Nobody waits for it any more. The answer to what was sent is still to come. */
  #drop(sending: PendingTask): void {
    const at = this.#unsent.indexOf(sending);
    if (at >= 0) this.#unsent.splice(at, 1);
    this.#rest();
  }

  #work(): void {
    if (this.#link === null) {
      if (this.#retry === null && this.#unsent.length > 0) this.#open();
      return;
    }
    const link = this.#link;
    const peer = this.#peer;
    if (peer === null) return;
    while (!this.#isFull && this.#sent.length < this.#window) {
      const next = this.#unsent.shift();
      if (next === undefined) break;
      const packet = this.#packetOf(next, peer);
      if (packet === null) continue;
      next.signed = packet.signed;
      this.#sent.push(next);
      this.#isFull = !link.write(packet.head);
      if (next.task.body.length > 0) this.#isFull = !link.write(next.task.body);
    }
    this.#rest();
  }

  /** Null when the task, now settled, cannot be one. */
  #packetOf(next: PendingTask, peer: SpoolerPeer): DeliveryPacket | null {
    const { task, id, wantsName } = next;
    const { receiver } = peer;
    try {
      mustBeWithin(peer, next);
      this.#stamp = Math.max(Date.now(), this.#stamp + 0.001);
      const secret = this.#options.secret ?? null;
      return deliveryPacket({ id, ...task, receiver, secret, sentAt: this.#stamp, wantsName });
    } catch (error) {
      next.settle(error);
      return null;
    }
  }

  #open(): void {
    const { secret, ca, cert, key, timeoutMs = TIMEOUT_MS } = this.#options;
    const tls = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
    const link = new PeerLink({
      address: this.#address,
      tls: this.#isTls ? tls : null,
      secret: secret ?? null,
      silenceMs: timeoutMs / 2,
      opened: (peer) => {
        this.#peer = peer;
        this.#work();
      },
      answered: (packet) => this.#answered(packet),
      drained: () => {
        this.#isFull = false;
        this.#work();
      },
      ended: (reason, isFinal) => this.#broken(reason, isFinal),
    });
    this.#link = link;
  }

  /** @throws {Error} when it is no answer, or answers nothing */
  #answered(packet: RawPacket): void {
    const [first] = this.#sent;
    if (first === undefined) throw new Error("it answered a task that it was not sent");
    const answer = answerOf(packet, first.signed);
    this.#sent.shift();
    if (answer.kind === "later") this.#later(first, answer.reason);
    else {
      this.#delayMs = FIRST_DELAY_MS;
      if (answer.kind === "accepted") first.settle(null, answer.name);
      else first.settle(new TaskRefusedError(answer.reason));
    }
    this.#work();
  }

  /** The peer takes nothing for now: what it refused goes first when it is asked again. */
  #later(sending: PendingTask, reason: string): void {
    this.#problem = reason;
    this.#unsent.unshift(sending);
    this.#link?.close();
  }

  #broken(reason: string, isFinal: boolean): void {
    this.#link = this.#peer = null;
    this.#isFull = false;
    this.#unsent = [...this.#sent, ...this.#unsent].filter(({ isDropped }) => !isDropped);
    this.#sent = [];
    if (isFinal) {
      for (const { settle } of this.#unsent.splice(0)) settle(new Error(reason));
    }
    if (this.#unsent.length > 0) {
      if (reason !== "it was closed") this.#problem = reason;
      this.#retry = setTimeout(() => {
        this.#retry = null;
        this.#work();
      }, this.#delayMs);
      this.#delayMs = Math.min(2 * this.#delayMs, LONGEST_DELAY_MS);
    }
    this.#rest();
  }

  #rest(): void {
    this.#link?.keepAlive(this.#sent.length > 0 || this.#peer === null);
    if (this.#isBusy) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    for (const idle of this.#idle.splice(0)) idle();
  }
}
