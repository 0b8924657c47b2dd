/**
 * A stream of NATS as a target. One connection carries all tasks; whatever goes wrong on it ends it, and
 * what has no answer then is published again with the same id.
 */

import type { Clock, Random } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Emit } from "../report/event.ts";
import { NatsLink } from "../nats/link.ts";
import { publishTask, UnfitTaskError } from "../nats/publish.ts";
import type { NatsAccess, StreamAddress } from "../nats/settings.ts";
import { requireStream } from "../nats/stream.ts";
import { OLDEST_SLOT_MS, slotOfId } from "../schedule/slot_id.ts";
import { type PeerAnswer, WINDOW } from "../wire/peer.ts";
import type { Delivery } from "./delivery.ts";
import { CLOSED, type DeliveryTarget, REFUSALS } from "./delivery_target.ts";
import type { DeliveryResult, LostDelivery } from "./outstanding.ts";
import { TargetHealth } from "./target_health.ts";

export interface StreamTargetOptions {
  readonly address: StreamAddress;
  readonly access: NatsAccess;
  /** So many times {@link WINDOW} tasks may wait for their answers. */
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

/**
 * When a leader dies, what it was sent is never answered. To publish it again costs nothing, so this is
 * not the timeout that the ini has for peers, unless that is shorter.
 */
const ANSWER_TIMEOUT_MS = 5_000;

export class StreamTarget implements DeliveryTarget {
  readonly name: string;
  readonly #options: StreamTargetOptions;
  readonly #health: TargetHealth;
  readonly #timeoutMs: number;
  #link: Promise<NatsLink> | null = null;
  /** Of {@link #link}: another one has another number. */
  #generation = 0;
  #load = 0;
  #refusals = 0;
  #announcedCapacity = 1;
  #closed = false;

  constructor(options: StreamTargetOptions) {
    this.#options = options;
    this.name = options.address.text;
    this.#timeoutMs = Math.min(options.timeoutMs, ANSWER_TIMEOUT_MS);
    this.#health = new TargetHealth({
      ...options,
      name: this.name,
      probe: async () => void await this.#open(),
      wentDown: () => {
        this.#hangUp();
        this.#announceCapacity();
      },
      onTrial: () => this.#announceCapacity(),
    });
  }

  get isUp(): boolean {
    return this.#health.kind === "up";
  }

  get load(): number {
    return this.#load;
  }

  get capacity(): number {
    if (this.#closed || this.#health.kind === "down") return 0;
    return this.isUp ? this.#options.connections * WINDOW : 1;
  }

  get trouble() {
    return this.#health.trouble;
  }

  async deliver(delivery: Delivery): Promise<DeliveryResult> {
    if (this.capacity === 0) return lost(this.trouble?.reason ?? CLOSED);
    this.#load++;
    try {
      return await this.#deliver(delivery);
    } finally {
      this.#load--;
    }
  }

  close(): void {
    this.#closed = true;
    this.#health.close();
    this.#hangUp();
  }

  async #deliver(delivery: Delivery): Promise<DeliveryResult> {
    if (this.#isForgotten(delivery)) {
      return { kind: "invalid", reason: "nobody knows any more who put the task of its slot" };
    }
    const link = this.#open();
    try {
      const answer = await publishTask(
        await link,
        delivery,
        this.#timeoutMs,
        this.#options.clock.now(),
      );
      this.#answered(answer);
      return answer;
    } catch (error) {
      const reason = reasonOf(error);
      if (error instanceof UnfitTaskError) return { kind: "invalid", reason };
      // Of a connection that was given up before, that was said.
      if (link === this.#link) this.#health.failed(reason);
      return lost(reason);
    }
  }

  #isForgotten({ slot = null }: Delivery): boolean {
    return slot !== null && this.#options.clock.now() - slotOfId(slot) > OLDEST_SLOT_MS;
  }

  #answered(answer: PeerAnswer): void {
    if (answer.kind === "later") {
      return this.#health.failed(`it accepts no tasks: ${answer.reason}`);
    }
    if (answer.kind === "refused" && ++this.#refusals >= REFUSALS) {
      return this.#health.failed(`it refuses all tasks: ${answer.reason}`);
    }
    if (answer.kind === "accepted") this.#refusals = 0;
    this.#health.works(() => this.#announceCapacity());
  }

  /** The connection, which is made where there is none. @throws {Error} */
  #open(): Promise<NatsLink> {
    return this.#link ??= this.#connect();
  }

  async #connect(): Promise<NatsLink> {
    const { address, access } = this.#options;
    const generation = ++this.#generation;
    const link = await NatsLink.open({ address, access, timeoutMs: this.#timeoutMs });
    try {
      await requireStream(link);
    } catch (error) {
      link.close();
      throw error;
    }
    if (generation !== this.#generation) {
      link.close();
      throw new Error(CLOSED);
    }
    link.ended().then((reason) => {
      if (generation === this.#generation) this.#health.failed(reason);
    });
    return link;
  }

  #hangUp(): void {
    const link = this.#link;
    this.#link = null;
    this.#generation++;
    link?.then((open) => open.close(), () => {});
  }

  #announceCapacity(): void {
    if (this.capacity === this.#announcedCapacity) return;
    this.#announcedCapacity = this.capacity;
    this.#options.changed();
  }
}

function lost(reason: string): LostDelivery {
  return { kind: "lost", reason, first: false };
}
