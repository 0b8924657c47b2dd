/**
 * One target: its connections, its health, and the tasks that are on their way to it.
 *
 * After a failure nothing is sent until a probe, one at a time and at most a second apart, has reached
 * it again; then one task may try, and when that is accepted, all may.
 */

import type { Break, ClientConnection } from "./client_connection.ts";
import { Connector } from "./connector.ts";
import type { Delivery } from "./delivery.ts";
import { HeldBack } from "./held_back.ts";
import type { DeliveryResult, LostDelivery } from "./outstanding.ts";
import { PendingTasks, type Queued } from "./pending.ts";
import { Patience } from "./patience.ts";
import { UNEXPLAINED, WINDOW } from "../wire/peer.ts";
import { Suspects } from "./suspects.ts";
import { CLOSED, type DeliveryTarget, REFUSALS } from "./delivery_target.ts";
import { TargetConnections } from "./target_connections.ts";
import { TargetHealth } from "./target_health.ts";
import type { TargetOptions } from "./target_options.ts";

/** For a peer of version 0: one is sent, one waits behind it. */
const PLAIN_WINDOW = 2;
const REFUSES_ALL =
  "it refuses a task and gives no reason, like a uWSGI with no spooler = line, or with a full disk";

export class Target implements DeliveryTarget {
  readonly name: string;
  readonly #options: TargetOptions;
  readonly #connector: Connector;
  readonly #patience: Patience;
  readonly #suspects = new Suspects();
  readonly #heldBack: HeldBack<Queued>;
  readonly #connections: TargetConnections;
  readonly #pending = new PendingTasks();
  readonly #health: TargetHealth;
  /** Tasks that are neither settled nor given back. */
  #load = 0;
  #refusals = 0;
  #announcedCapacity = 1;
  #closed = false;

  constructor(options: TargetOptions) {
    const { name, clock, timeoutMs } = options;
    this.name = name;
    this.#options = options;
    this.#connector = new Connector(options);
    this.#health = new TargetHealth({
      ...options,
      probe: async () => {
        if (this.#connections.size === 0) await this.#connections.connect();
      },
      wentDown: (reason) => this.#wentDown(reason),
      onTrial: () => this.#announceCapacity(),
    });
    this.#patience = new Patience(timeoutMs);
    this.#connections = new TargetConnections({
      ...options,
      connector: this.#connector,
      patience: this.#patience,
      most: options.connections,
      mayOpen: () => this.capacity > 0,
      ended: (how) => this.#ended(how),
      failed: (reason) => this.#health.failed(reason),
      room: () => {
        this.#announceCapacity();
        this.#pump();
      },
    });
    this.#heldBack = new HeldBack(clock, () => this.#tryHeldBack());
  }

  get isUp(): boolean {
    return this.#health.kind === "up";
  }

  get load(): number {
    return this.#load;
  }

  /** Tasks that it may have at the same time now. */
  get capacity(): number {
    if (this.#closed || this.#health.kind === "down") return 0;
    if (this.#health.kind === "trial") return 1 + this.#heldBack.size;
    return this.#options.connections * (this.#connections.areKeptAlive ? WINDOW : PLAIN_WINDOW);
  }

  get trouble() {
    return this.#health.trouble;
  }

  deliver(delivery: Delivery): Promise<DeliveryResult> {
    if (this.capacity === 0) {
      const reason = this.trouble?.reason ?? CLOSED;
      return Promise.resolve({ kind: "lost", reason, first: false });
    }
    const { promise, resolve } = Promise.withResolvers<DeliveryResult>();
    this.#load++;
    const settle = (result: DeliveryResult) => {
      this.#load--;
      resolve(result);
    };
    this.#enqueue(this.#pending.make(delivery, settle));
    return promise;
  }

  close(): void {
    this.#closed = true;
    this.#health.close();
    this.#connections.close();
    this.#giveBack(CLOSED);
  }

  #enqueue(queued: Queued): void {
    const isSuspect = this.#suspects.breaksOf(queued.delivery.id) > 0;
    const isHeldBack = !this.isUp && isSuspect && this.#heldBack.hasRoom;
    if (isHeldBack) return this.#holdBack(queued);
    this.#pending.put(queued);
    this.#pump();
  }

  #holdBack(queued: Queued): void {
    this.#heldBack.add(queued);
    // Not amid the call that brought the task: it is not among those that run yet.
    queueMicrotask(() => this.#announceCapacity());
  }

  /** No other task came that could show whether the target or the task is to blame. */
  #tryHeldBack(): void {
    if (this.#load > this.#heldBack.size) return;
    const breaks = ({ delivery }: Queued) => this.#suspects.breaksOf(delivery.id);
    const next = this.#heldBack.takeLightest(breaks);
    if (next) this.#pending.put(next);
    this.#pump();
  }

  /** Gives what waits to connections, and opens those that are missing. */
  #pump(): void {
    while (this.#pending.size > 0) {
      const connection = this.#connections.roomiest();
      if (!connection) break;
      const next = this.#pending.takeFirst();
      if (next) this.#send(connection, next);
    }
    this.#connections.want(this.#pending.size);
  }

  async #send(connection: ClientConnection, queued: Queued): Promise<void> {
    queued.sentAt = this.#options.clock.monotonic();
    this.#settle(queued, await connection.send(queued.delivery));
    // What is held back goes on when nothing else does.
    if (this.#load === this.#heldBack.size) this.#heldBack.wait();
    this.#pump();
  }

  #settle(queued: Queued, result: DeliveryResult): void {
    switch (result.kind) {
      case "accepted":
        this.#answered(queued);
        this.#refusals = 0;
        this.#works();
        return queued.settle(result);
      case "refused":
        if (result.reason === UNEXPLAINED) return this.#refusedUnexplained(queued);
        this.#answered(queued);
        if (++this.#refusals < REFUSALS) this.#works();
        else this.#health.failed(`it refuses all tasks: ${result.reason}`);
        return queued.settle(result);
      case "unfit":
      case "invalid":
        return queued.settle(result);
      case "later":
        this.#answered(queued);
        this.#health.failed(`it accepts no tasks: ${result.reason}`);
        return queued.settle(result);
      case "oversized":
        return this.#oversized(queued, result.reason);
      case "lost":
        return this.#lost(queued, result);
      default:
        return result satisfies never;
    }
  }

  #answered({ delivery, sentAt }: Queued): void {
    this.#suspects.answered(delivery.id);
    this.#patience.answeredAfter(this.#options.clock.monotonic() - sentAt);
  }

  /** As at a hang-up: until another task has got through, the target is to blame. */
  #refusedUnexplained(queued: Queued): void {
    const { id } = queued.delivery;
    this.#suspects.broke(id);
    if (!this.#isGuilty(id)) {
      this.#health.failed(REFUSES_ALL);
      return queued.settle({ kind: "lost", reason: REFUSES_ALL, first: false });
    }
    const times = this.#suspects.breaksOf(id);
    const reason = `it refused this task ${times} times in a row, and accepted others`;
    this.#suspects.forget(id);
    this.#works();
    queued.settle({ kind: "refused", reason });
  }

  /** A uWSGI that accepts other tasks has too small a buffer for this one. */
  #oversized(queued: Queued, reason: string): void {
    if (this.isUp) return queued.settle({ kind: "refused", reason });
    if (!queued.secondTry && this.#health.kind === "trial") {
      queued.secondTry = true;
      return this.#holdBack(queued);
    }
    this.#health.failed(reason);
    queued.settle({ kind: "lost", reason, first: true });
  }

  #lost(queued: Queued, lost: LostDelivery): void {
    const { id } = queued.delivery;
    if (lost.first && this.#isGuilty(id)) {
      const times = this.#suspects.breaksOf(id);
      const reason = `the connection broke ${times} times in a row at this task: ${lost.reason}`;
      this.#suspects.forget(id);
      return queued.settle({ kind: "refused", reason });
    }
    if (this.capacity === 0 || queued.secondTry) return queued.settle(lost);
    // The connection had worked before: it was an old one, or the peer started anew.
    queued.secondTry = true;
    this.#pending.put(queued);
  }

  #isGuilty(id: string): boolean {
    return this.#suspects.isGuilty(id, this.#connector.peer?.kind === "spooler");
  }

  #ended(how: Break | null): void {
    if (how === null) return;
    const { cause, answers, firstId, reason } = how;
    if (cause === "silence") this.#patience.ranOut();
    if (firstId !== null && (answers === 0 || this.#suspects.breaksOf(firstId) > 0)) {
      this.#suspects.broke(firstId);
      if (this.#isGuilty(firstId)) return;
    }
    if (cause !== "hang-up" || answers === 0) this.#health.failed(reason);
  }

  #works(): void {
    this.#health.works(() => {
      for (const queued of this.#heldBack.takeAll()) this.#pending.put(queued);
      this.#announceCapacity();
    });
  }

  #wentDown(reason: string): void {
    this.#connector.askAgain();
    // The next attempt uses the connections that are open then.
    this.#connections.retire();
    this.#giveBack(reason);
    this.#announceCapacity();
  }

  #giveBack(reason: string): void {
    for (const { settle } of [...this.#pending.takeAll(), ...this.#heldBack.takeAll()]) {
      settle({ kind: "lost", reason, first: false });
    }
  }

  #announceCapacity(): void {
    if (this.capacity === this.#announcedCapacity) return;
    this.#announcedCapacity = this.capacity;
    this.#options.changed();
  }
}
