/**
 * One target: its connections, what kind of peer it is, its health, and the parcels that are on their
 * way to it.
 *
 * After a failure nothing is sent until a probe, one at a time and at most a second apart, has found it
 * again; then one task may try, and when that is taken, all may.
 */

import type { Clock, Random } from "../platform/clock.ts";
import type { Emit } from "../report/event.ts";
import { dial, type DialOptions } from "../wire/dial.ts";
import {
  Connection,
  type Delivered,
  type End,
  greet,
  isKeptAlive,
  type Lost,
} from "./connection.ts";
import { afterFailure, afterProbe, type Health, troubleOf, UNKNOWN, UP } from "./health.ts";
import type { Parcel } from "./parcel.ts";
import { type Peer, WINDOW } from "./peer.ts";
import { reasonOf } from "../platform/reason.ts";

export interface TargetOptions {
  /** As the ini has it, for the log. */
  readonly name: string;
  readonly address: DialOptions["address"];
  readonly tls?: DialOptions["tls"];
  readonly secret: string | null;
  /** Open at the same time, at most. */
  readonly connections: number;
  readonly timeoutMs: number;
  /** The spool whose tasks it gets, for the log. */
  readonly spool: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Called whenever it may take more, or less, than before. */
  changed(): void;
}

/** For a peer of version 0: one is sent, one is at hand. */
const PLAIN_WINDOW = 2;
const CONNECT_TIMEOUT_MS = 10_000;
const GREETING_TIMEOUT_MS = 5_000;
/** Well below the minute after which one of ours hangs up on the idle. */
const IDLE_MS = 10_000;
const PLAIN_IDLE_MS = 500;
/** A peer that was none of ours is asked again after so long: it may have become one. */
const ASK_AGAIN_MS = 30_000;
/** Pings in a row that a peer may leave without an answer before it counts as mute. */
const SILENT_PINGS = 3;
/** A task during which the connection broke so often, each time as the first, gets the blame. */
const BLAME = 3;
/** Refusals in a row after which a target counts as one that refuses everything. */
const REFUSALS = 3;
/** Times of deliveries are told apart by so much. */
const STAMP_STEP_MS = 0.001;
/** After a further connection could not be had, those that stand must do for so long. */
const ENOUGH_MS = 1_000;

const CLOSED = "the program ends";

interface Entry {
  readonly parcel: Parcel;
  readonly number: number;
  /** It was on a connection that broke after it had worked, and was put back once. */
  secondTry: boolean;
  settle(how: Delivered): void;
}

export class Target {
  readonly name: string;
  readonly #options: TargetOptions;
  readonly #connections = new Set<Connection>();
  /** Not given to a connection yet, in order. */
  #pending: Entry[] = [];
  /** Parcels that are neither settled nor given back. */
  #load = 0;
  #opening = 0;
  #health: Health = UNKNOWN;
  #peer: Peer | null = null;
  #peerKnownAt = 0;
  #suspect = { id: "", count: 0 };
  #refusals = 0;
  #enoughUntil = 0;
  #lastStamp = 0;
  #toldCapacity = 1;
  #count = 0;
  #cancelProbe = () => {};
  #closed = false;

  constructor(options: TargetOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#health.kind === "up";
  }

  get load(): number {
    return this.#load;
  }

  /** Parcels that it may have at the same time now. */
  get capacity(): number {
    if (this.#closed || this.#health.kind === "down") return 0;
    if (this.#health.kind === "trial") return 1;
    const each = this.#peer && isKeptAlive(this.#peer) ? WINDOW : PLAIN_WINDOW;
    return this.#options.connections * each;
  }

  /** Why nothing is sent to it; null when there is no reason. */
  get trouble(): string | null {
    return troubleOf(this.#health)?.reason ?? null;
  }

  deliver(parcel: Parcel): Promise<Delivered> {
    if (this.capacity === 0) {
      return Promise.resolve({ kind: "lost", reason: this.trouble ?? CLOSED, first: false });
    }
    const { promise, resolve } = Promise.withResolvers<Delivered>();
    this.#load++;
    const settle = (how: Delivered) => {
      this.#load--;
      resolve(how);
    };
    this.#pending.push({ parcel, number: ++this.#count, secondTry: false, settle });
    this.#pump();
    return promise;
  }

  close(): void {
    this.#closed = true;
    this.#cancelProbe();
    for (const connection of [...this.#connections]) connection.close();
    this.#giveBack(CLOSED);
  }

  /** Gives what waits to connections, and opens those that are wanted. */
  #pump(): void {
    while (this.#pending.length > 0) {
      const connection = this.#roomiest();
      if (!connection) break;
      const entry = this.#pending.shift();
      if (entry) this.#send(connection, entry);
    }
    // Who is there must be known before a second connection makes sense.
    const wanted = this.#peer === null ? Math.min(1, this.#pending.length) : this.#pending.length;
    while (this.#opening < wanted && this.#mayOpen()) this.#open();
  }

  #mayOpen(): boolean {
    if (this.capacity === 0) return false;
    if (this.#connections.size + this.#opening >= this.#options.connections) return false;
    return this.#connections.size === 0 ||
      this.#options.clock.monotonic() >= this.#enoughUntil;
  }

  #roomiest(): Connection | undefined {
    let best: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.room > (best?.room ?? 0)) best = connection;
    }
    return best;
  }

  async #open(): Promise<void> {
    this.#opening++;
    try {
      await this.#connect();
    } catch (error) {
      if (this.#connections.size === 0) this.#failed(textOf(error));
      else this.#enoughUntil = this.#options.clock.monotonic() + ENOUGH_MS;
    } finally {
      this.#opening--;
    }
    this.#tellCapacity();
    this.#pump();
    this.#closeSpare();
  }

  /** A connection without a task keeps a worker of a uWSGI waiting, and with it everybody else. */
  #closeSpare(): void {
    if (this.#peer && isKeptAlive(this.#peer)) return;
    for (const connection of [...this.#connections]) {
      if (connection.load === 0) connection.close();
    }
  }

  /** Adds a connection; for a peer that takes one packet on each, after learning that it does. */
  async #connect(): Promise<void> {
    const { clock } = this.#options;
    for (let silent = 0; this.#mustAsk(); silent++) {
      const socket = await this.#dial();
      const greeting = await greetOrClose(socket, clock);
      if (greeting.kind === "peer") {
        this.#learn(greeting.peer);
        if (isKeptAlive(greeting.peer)) return this.#adopt(socket, greeting.peer);
      }
      socket.close();
      if (greeting.kind === "peer") break;
      if (this.#mustSpeak() || this.#closed) {
        throw new Error("it closed the connection instead of answering a ping");
      }
      if (silent + 1 >= SILENT_PINGS) this.#learn({ kind: "mute" });
    }
    if (this.#peer) this.#adopt(await this.#dial(), this.#peer);
  }

  #mustAsk(): boolean {
    if (this.#peer === null || isKeptAlive(this.#peer)) return true;
    return this.#options.clock.monotonic() - this.#peerKnownAt > ASK_AGAIN_MS;
  }

  /** Whoever has been one of ours, or is to verify signatures, cannot be a uWSGI without ping. */
  #mustSpeak(): boolean {
    return this.#peer?.kind === "ours" || this.#options.secret !== null ||
      this.#options.tls !== undefined;
  }

  #learn(peer: Peer): void {
    this.#peer = peer;
    this.#peerKnownAt = this.#options.clock.monotonic();
  }

  #dial(): Promise<Deno.Conn> {
    const { address, tls } = this.#options;
    return dial({ address, ...(tls ? { tls } : {}), timeoutMs: CONNECT_TIMEOUT_MS });
  }

  #adopt(socket: Deno.Conn, peer: Peer): void {
    const { clock, secret, timeoutMs } = this.#options;
    if (this.#closed) return socket.close();
    const connection: Connection = new Connection({
      socket,
      peer,
      secret,
      window: WINDOW,
      timeoutMs,
      idleMs: isKeptAlive(peer) ? IDLE_MS : PLAIN_IDLE_MS,
      clock,
      stamp: () => this.#stamp(),
      ended: (end) => this.#ended(connection, end),
      room: () => this.#pump(),
    });
    this.#connections.add(connection);
  }

  #stamp(): number {
    this.#lastStamp = Math.max(this.#options.clock.now(), this.#lastStamp + STAMP_STEP_MS);
    return this.#lastStamp;
  }

  async #send(connection: Connection, entry: Entry): Promise<void> {
    this.#settle(entry, await connection.send(entry.parcel));
    this.#pump();
  }

  #settle(entry: Entry, how: Delivered): void {
    switch (how.kind) {
      case "accepted":
        this.#refusals = 0;
        this.#works();
        return entry.settle(how);
      case "refused":
        if (++this.#refusals < REFUSALS) this.#works();
        else this.#failed(`it refuses all tasks: ${how.reason}`);
        return entry.settle(how);
      case "unfit":
        return entry.settle(how);
      case "later":
        this.#failed(`it takes no tasks: ${how.reason}`);
        return entry.settle(how);
      case "lost":
        return this.#lost(entry, how);
      default:
        return how satisfies never;
    }
  }

  #lost(entry: Entry, how: Lost): void {
    if (this.capacity > 0 && !entry.secondTry) {
      // The connection broke, but it had worked before: it was an old one, or the peer started anew.
      entry.secondTry = true;
      const at = this.#pending.findIndex(({ number }) => number > entry.number);
      this.#pending.splice(at === -1 ? this.#pending.length : at, 0, entry);
      return;
    }
    const isGuilty = how.first && this.#isToBlame(entry.parcel);
    const reason = `${BLAME} times in a row the connection broke at this task: ${how.reason}`;
    entry.settle(isGuilty ? { kind: "refused", reason } : how);
  }

  /**
   * A task that makes the peer hang up would come first again each time and keep all others waiting.
   * So the one that is the first without an answer several times in a row takes the blame.
   */
  #isToBlame({ id }: Parcel): boolean {
    const count = this.#suspect.id === id ? this.#suspect.count + 1 : 1;
    this.#suspect = { id, count: count % BLAME };
    return count >= BLAME;
  }

  #ended(connection: Connection, end: End | null): void {
    this.#connections.delete(connection);
    if (end !== null && !(end.byPeer && end.answers > 0)) this.#failed(end.reason);
  }

  /** An answer to what was sent before a failure does not end it: the next probe does. */
  #works(): void {
    const { name, spool, emit, clock } = this.#options;
    if (this.#health.kind === "down") return;
    const trouble = troubleOf(this.#health);
    this.#health = UP;
    this.#tellCapacity();
    if (!trouble) return;
    const { failures, since } = trouble;
    emit({ type: "target.up", spool, target: name, failures, downMs: clock.monotonic() - since });
  }

  #failed(reason: string): void {
    if (!this.#closed && this.#health.kind !== "down") this.#goDown(reason);
  }

  #goDown(reason: string): void {
    const { name, spool, emit, clock, random } = this.#options;
    const isNews = troubleOf(this.#health) === null;
    const down = afterFailure(this.#health, reason, clock.monotonic(), random);
    this.#health = down;
    if (isNews) emit({ type: "target.down", spool, target: name, reason });
    this.#cancelProbe = clock.after(down.retryInMs, () => this.#probe());
    this.#giveBack(reason);
    this.#tellCapacity();
  }

  #giveBack(reason: string): void {
    for (const { settle } of this.#pending.splice(0)) {
      settle({ kind: "lost", reason, first: false });
    }
  }

  /** Looks whether the target is there; the proof is the next task, which may then try. */
  async #probe(): Promise<void> {
    try {
      if (this.#connections.size === 0) await this.#connect();
    } catch (error) {
      if (!this.#closed) this.#goDown(textOf(error));
      return;
    }
    this.#health = afterProbe(this.#health);
    this.#tellCapacity();
  }

  #tellCapacity(): void {
    if (this.capacity === this.#toldCapacity) return;
    this.#toldCapacity = this.capacity;
    this.#options.changed();
  }
}

function textOf(error: unknown): string {
  return reasonOf(error);
}

async function greetOrClose(socket: Deno.Conn, clock: Clock) {
  try {
    return await greet(socket, { clock, timeoutMs: GREETING_TIMEOUT_MS });
  } catch (error) {
    try {
      socket.close();
    } catch {
      // It was closed when the time was over.
    }
    throw error;
  }
}
