/**
 * Slots of which one machine of a cluster runs each (`once=cluster`): a slot runs here when this machine
 * was the first to claim it. While nobody can be asked a slot waits as long as it would wait for a program
 * that is down: its minute, or what `catchup=` says; a later slot of the job takes its place.
 */

import { pauseOrAbort } from "../platform/aborting.ts";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Emit } from "../report/event.ts";
import { SLOT_LASTS_MS } from "./calendar_rhythm.ts";
import type { ScheduleConfig } from "./settings.ts";

/** Where the machines of a cluster agree on who runs a slot. */
export interface SlotClaims {
  /**
   * Claims a slot; asked again for the same, the answer is the same.
   *
   * @returns whether it is this machine's
   * @throws {Error} when nobody can be asked now
   */
  claim(job: string, slot: number): Promise<boolean>;
  /** It is not asked any more; what was asked is answered. */
  close(): void;
}

export interface ClusterSlotsOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Aborted when the program stops. */
  readonly stopping: AbortSignal;
  /** A slot is this machine's. */
  run(job: ScheduleConfig, slot: number): void;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;

/** The slot of a job that waits for an answer. */
interface WaitingSlot {
  /** Aborted when it is not wanted any more. */
  readonly unwanted: AbortController;
  /** Earlier ones that were given up since there was an answer. */
  missed: number;
}

export class ClusterSlots {
  readonly #options: ClusterSlotsOptions;
  /** By the ids of their jobs. */
  readonly #waiting = new Map<string, WaitingSlot>();
  readonly #underWay = new Set<Promise<void>>();
  /** Nobody can be asked, and that was said. */
  #isTroubled = false;

  constructor(options: ClusterSlotsOptions) {
    this.#options = options;
  }

  /** A slot of a job is due on this machine. */
  due(job: ScheduleConfig, slot: number, claims: SlotClaims): void {
    const before = this.#waiting.get(job.id);
    before?.unwanted.abort();
    const waiting = { unwanted: new AbortController(), missed: before?.missed ?? 0 };
    this.#waiting.set(job.id, waiting);
    const claiming = this.#claim(job, slot, claims, waiting).finally(() => {
      this.#underWay.delete(claiming);
    });
    this.#underWay.add(claiming);
  }

  /** There is no such job any more. */
  forget(id: string): void {
    this.#waiting.get(id)?.unwanted.abort();
    this.#waiting.delete(id);
  }

  /** Resolves when all that was asked is answered, and what is this machine's has started. */
  async answered(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #claim(
    job: ScheduleConfig,
    slot: number,
    claims: SlotClaims,
    waiting: WaitingSlot,
  ): Promise<void> {
    const { clock, run, stopping } = this.#options;
    const { signal } = waiting.unwanted;
    const until = slot + job.jitterMs + Math.max(SLOT_LASTS_MS, job.catchupMs);
    for (let waitMs = FIRST_WAIT_MS;; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        const isOurs = await claims.claim(job.name, slot);
        this.#isTroubled = false;
        this.#sayMissed(job, slot);
        if (isOurs) run(job, slot);
        return;
      } catch (error) {
        this.#troubled(job, error);
      }
      if (clock.now() < until) await pauseOrAbort(clock, waitMs, signal, stopping);
      if (stopping.aborted) return;
      if (signal.aborted || clock.now() >= until) return this.#giveUp(job, slot, signal.aborted);
    }
  }

  #troubled(job: ScheduleConfig, error: unknown): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    const reason = reasonOf(error);
    const message = `${job.name} waits: nobody can say which machine runs it: ${reason}`;
    this.#options.emit({ type: "schedule.warning", message });
  }

  #giveUp(job: ScheduleConfig, slot: number, hasLater: boolean): void {
    const waiting = this.#waiting.get(job.id);
    if (waiting === undefined) return;
    waiting.missed++;
    if (!hasLater) this.#sayMissed(job, slot);
  }

  #sayMissed(job: ScheduleConfig, until: number): void {
    const waiting = this.#waiting.get(job.id);
    if (waiting === undefined || waiting.missed === 0) return;
    const { missed } = waiting;
    waiting.missed = 0;
    this.#options.emit({ type: "job.missed", job: job.name, missed, until });
  }
}
