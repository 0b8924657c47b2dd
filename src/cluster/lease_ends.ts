/**
 * How leases end: what was decided about a task is said to the stream, and its file is removed where the
 * queue has not done so. What cannot be said now is said by the next connection.
 */

import type { NatsLink } from "../nats/link.ts";
import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Store } from "../spool/store.ts";
import { type Lease, sayEnd } from "./lease.ts";
import { AT_ONCE, type LeaseEnd } from "./lease_end.ts";

export interface LeaseEndsOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Null while there is no connection. */
  link(): NatsLink | null;
  lost(link: NatsLink, reason: string): void;
  /** The stream knows its end, and nothing of it is here. */
  over(lease: Lease): void;
}

/** Between two tries to remove a file that a worker still has locked. */
const REMOVE_AGAIN_MS = 20;

export class LeaseEnds {
  readonly #options: LeaseEndsOptions;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: LeaseEndsOptions) {
    this.#options = options;
  }

  decide(lease: Lease, end: LeaseEnd): void {
    // What was put off while nobody could be told may have run again here.
    if (lease.stage === "saying" || (lease.end !== null && lease.end.kind !== "put-off")) return;
    lease.end = end;
    this.say(lease);
  }

  /** Says what was decided. */
  say(lease: Lease): void {
    const saying = this.#say(lease).finally(() => this.#underWay.delete(saying));
    this.#underWay.add(saying);
  }

  /** For others, unless somebody runs it here. */
  async giveBack(lease: Lease): Promise<void> {
    if (lease.end !== null) return;
    if (lease.ref !== null) {
      const { kind } = await this.#options.store.remove(lease.ref);
      // Whoever runs it, or has run it, will say what has become of it.
      if (kind !== "changed") return;
    }
    this.decide(lease, AT_ONCE);
  }

  /**
   * Nobody settles a task whose file was removed by an operator, or by a worker that then died. A file
   * that was damaged is in failed/. To be called once in a while.
   */
  async check(lease: Lease): Promise<void> {
    const { ref } = lease;
    if (ref === null || lease.end !== null) return;
    // What has just come, or ends just now, is not meant.
    if (lease.unseen++ === 0) return;
    const { store } = this.#options;
    if (store.see(ref) !== null) {
      lease.unseen = 1;
    } else if (lease.unseen > 2) {
      const isDamaged = (await store.removeFailed(ref)).kind === "changed";
      const reason = "its file was damaged";
      const failed = { kind: "failed", reason, attempt: 1, attempts: null } as const;
      this.decide(lease, isDamaged ? failed : { kind: "done" });
    }
  }

  /** Resolves when nothing is on its way to the stream. */
  async said(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #say(lease: Lease): Promise<void> {
    const { clock, link: linkNow, lost, over } = this.#options;
    const isSayable = lease.stage === "held" && !lease.isUnsure;
    if (linkNow() === null || lease.end === null || !isSayable) return;
    lease.stage = "ending";
    // Whoever gets it next is not to run it beside this program.
    if (lease.end.kind === "put-off") await this.#removeFile(lease).catch(() => {});
    const { reply } = lease;
    const link = linkNow();
    try {
      if (link === null || lease.isUnsure) return;
      lease.stage = "saying";
      await sayEnd(link, lease, lease.end, clock.now());
      if (lease.end.kind === "failed") await this.#removeFailed(lease);
      // What has come again meanwhile has to be said again.
      if (lease.reply === reply) return over(lease);
    } catch (error) {
      if (link !== null) lost(link, reasonOf(error));
    } finally {
      lease.stage = "held";
    }
    if (lease.reply !== reply || linkNow() !== link) this.say(lease);
  }

  /** A worker that has run it may still hold its lock. */
  async #removeFile({ ref }: Lease): Promise<void> {
    const { store, clock } = this.#options;
    while (ref !== null && (await store.remove(ref)).kind === "running") {
      await pauseOrAbort(clock, REMOVE_AGAIN_MS);
    }
  }

  async #removeFailed({ ref }: Lease): Promise<void> {
    if (ref !== null) await this.#options.store.removeFailed(ref);
  }
}
