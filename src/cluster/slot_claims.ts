/**
 * Claims slots of jobs in a stream that all machines know: the first message of a slot's subject decides.
 * There is a connection from the first slot on, until none was due for a while.
 */

import { NatsLink } from "../nats/link.ts";
import { takeSlot } from "../nats/slots.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { SlotClaims } from "../schedule/cluster_slots.ts";
import { TIMEOUT_MS } from "./lease.ts";
import type { ClusterConfig } from "./settings.ts";

/** A connection that nobody needs is closed after this. */
const IDLE_MS = 60_000;

export class StreamSlotClaims implements SlotClaims {
  /** Of this program: what was claimed and not answered is known again by it. */
  readonly #by = crypto.randomUUID();
  #link: Promise<NatsLink> | null = null;
  #asked = 0;
  #closed = false;
  #cancelIdle: Cancel = () => {};

  constructor(
    private readonly config: ClusterConfig,
    private readonly clock: Clock,
  ) {}

  async claim(job: string, slot: number): Promise<boolean> {
    this.#asked++;
    this.#cancelIdle();
    const link = this.#link ??= this.#open();
    try {
      const wish = { job, slot, by: this.#by, timeoutMs: TIMEOUT_MS };
      return await takeSlot(await link, wish) === this.#by;
    } catch (error) {
      // The next try has a connection of its own, perhaps to another server.
      this.#drop(link);
      throw error;
    } finally {
      this.#asked--;
      this.#closeSoon();
    }
  }

  close(): void {
    this.#closed = true;
    this.#closeSoon();
  }

  #open(): Promise<NatsLink> {
    const link = NatsLink.open({ ...this.config, timeoutMs: TIMEOUT_MS });
    link.then((open) => open.ended()).then(() => this.#drop(link), () => {});
    return link;
  }

  #drop(link: Promise<NatsLink>): void {
    if (this.#link === link) this.#link = null;
    link.then((open) => open.close(), () => {});
  }

  #closeSoon(): void {
    const link = this.#link;
    if (this.#asked > 0 || link === null) return;
    this.#cancelIdle();
    if (this.#closed) this.#drop(link);
    else this.#cancelIdle = this.clock.after(IDLE_MS, () => this.#drop(link));
  }
}
