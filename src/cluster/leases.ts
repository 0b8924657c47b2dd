/**
 * The tasks of a stream that this program has. Each message is held unacknowledged while its task lies
 * as a file in a directory of leases, where the ordinary queue runs it; what the queue decides about it
 * is said to the stream. Whatever is in the directory at the start belongs to nobody: the stream still
 * has it.
 */

import { NatsLink } from "../nats/link.ts";
import { requireStream } from "../nats/stream.ts";
import { pauseOrAbort } from "../platform/aborting.ts";
import type { Cancel, Clock, Random } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { Emit, Event } from "../report/event.ts";
import { TargetHealth } from "../forward/target_health.ts";
import type { Store } from "../spool/store.ts";
import { openConsumers } from "./consumer.ts";
import { type Lease, putOff, sayEnd, sayWorking, TIMEOUT_MS } from "./lease.ts";
import { endOf, type LeaseEnd } from "./lease_end.ts";
import { readAttempts } from "./records.ts";
import type { StreamWorkConfig } from "./settings.ts";
import { Pull } from "./pull.ts";
import type { PulledMessage } from "./pulled_message.ts";
import { Room } from "./room.ts";
import { taskOf } from "./task_of_message.ts";

export interface LeasesOptions {
  readonly config: StreamWorkConfig;
  /** Of the directory, for the log. */
  readonly name: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

/** A pause that has ended is seen within this. */
const LONGEST_BEAT_MS = 1_000;
/** Between two tries to remove a file that a worker still has locked. */
const REMOVE_AGAIN_MS = 20;

export class Leases {
  readonly #options: LeasesOptions;
  readonly #health: TargetHealth;
  readonly #room: Room;
  #config: StreamWorkConfig;
  #link: NatsLink | null = null;
  /** By the name of its file. */
  readonly #byName = new Map<string, Lease>();
  readonly #bySequence = new Map<number, Lease>();
  #cancelHeartbeat: Cancel = () => {};
  #isStarted = false;
  #stopped = false;
  #pulls: readonly Pull[] = [];
  /** What is taken, or ends, while the leases end. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#room = new Room(options.clock);
    this.#health = new TargetHealth({
      ...options,
      name: options.config.address.text,
      spool: options.name,
      probe: () => this.#connect(),
      wentDown: () => this.#hangUp(),
      onTrial: () => this.#health.works(() => {}),
    });
  }

  /** Sees what becomes of the tasks of the directory. */
  tap(emit: Emit): Emit {
    return (event) => {
      emit(event);
      if (event.type === "task.settled") this.#settled(event);
      else if (event.type === "task.returned") this.#returned(event.task);
    };
  }

  /** Removes what an earlier program has left. */
  async clear(): Promise<void> {
    const { store } = this.#options;
    for (const task of [...store.scan()].flat()) await store.remove(task);
    for (const _ of store.removeFailedBefore(Infinity)) continue;
  }

  /** Begins to pull, or goes on with other settings. */
  start(config: StreamWorkConfig): void {
    const before = this.#config;
    this.#config = config;
    if (this.#isStarted && isSameWork(before, config)) return;
    if (!this.#isStarted) this.#beat();
    this.#isStarted = true;
    this.#hangUp();
    this.#connect().then(
      () => this.#health.works(() => {}),
      (error) => this.#health.failed(reasonOf(error)),
    );
  }

  /** Takes no more; what is held goes on. */
  stopPulling(): void {
    this.#stopped = true;
  }

  /** What runs has ended: all that is held goes back to the stream. */
  async end(): Promise<void> {
    this.stopPulling();
    this.#cancelHeartbeat();
    if (this.#link !== null) {
      for (const lease of this.#bySequence.values()) {
        lease.end ??= { kind: "put-off", delayMs: 0, attempts: null };
      }
      await Promise.all([...this.#bySequence.values()].map((lease) => this.#sayEnd(lease)));
      await Promise.all(this.#underWay);
    }
    this.#health.close();
    this.#hangUp();
    await this.clear();
  }

  async #connect(): Promise<void> {
    const { address, access, functions, ackWaitMs } = this.#config;
    const link = await NatsLink.open({ address, access, timeoutMs: TIMEOUT_MS });
    let consumers: string[];
    try {
      await requireStream(link);
      consumers = await openConsumers(link, { functions, ackWaitMs });
      if (this.#stopped) throw new Error("the program is stopping");
    } catch (error) {
      link.close();
      throw error;
    }
    this.#link = link;
    link.ended().then((reason) => this.#lost(link, reason));
    for (const lease of this.#bySequence.values()) {
      if (lease.end === null) sayWorking(link, lease.reply);
      else this.#sayEnd(lease);
    }
    this.#pulls = consumers.map((consumer) =>
      new Pull({
        ...{ link, consumer, clock: this.#options.clock },
        room: () => this.#roomLeft(),
        take: (message) => this.#take(link, message),
        failed: (reason) => this.#lost(link, reason),
      })
    );
    this.#ask();
  }

  #lost(link: NatsLink, reason: string): void {
    if (this.#link === link) this.#health.failed(reason);
  }

  #hangUp(): void {
    const link = this.#link;
    this.#link = null;
    for (const pull of this.#pulls) pull.close();
    this.#pulls = [];
    link?.close();
  }

  #roomLeft(): number {
    if (this.#stopped || this.#options.store.paused) return 0;
    const left = this.#room.most(this.#config.spool.processes) - this.#bySequence.size;
    return Math.ceil(left / this.#pulls.length);
  }

  #ask(): void {
    for (const pull of this.#pulls) pull.ask();
  }

  async #take(link: NatsLink, message: PulledMessage): Promise<void> {
    const { sequence, deliveries, reply } = message;
    if (this.#stopped) return await putOff(link, reply, 0);
    const known = this.#bySequence.get(sequence);
    if (known !== undefined) {
      known.reply = reply;
      if (known.end !== null) this.#sayEnd(known);
      return;
    }
    const { clock, store } = this.#options;
    const task = await taskOf(link, message);
    const hasHistory = deliveries > 1;
    const { storedBody } = task;
    const lease: Lease = {
      ...{ sequence, reply, storedBody, hasHistory },
      ref: null,
      end: null,
      isEnding: false,
    };
    this.#bySequence.set(sequence, lease);
    if (task.kind === "damaged") {
      return this.#decide(lease, { kind: "failed", reason: task.reason, attempt: 1 });
    }
    const waitMs = (task.task.at ?? 0) - clock.now();
    if (waitMs > 0) {
      return this.#decide(lease, { kind: "put-off", delayMs: waitMs, attempts: null });
    }
    try {
      const attempts = hasHistory ? await readAttempts(link, sequence) : null;
      await store.put(task.task, (ref) => {
        lease.ref = ref;
        this.#byName.set(ref.name, lease);
        if (attempts !== null) store.noteAttempts(ref, attempts);
      });
    } catch (error) {
      // The stream gives it to somebody when nobody has said anything for long enough.
      this.#forget(lease);
      throw error;
    }
  }

  #settled(event: Extract<Event, { type: "task.settled" }>): void {
    const lease = this.#byName.get(event.task);
    if (lease?.ref == null) return;
    const { clock, store } = this.#options;
    const end = endOf(event, store.attemptsOf(lease.ref), clock.now());
    if (end?.kind === "done") this.#room.finished();
    if (end !== null) this.#decide(lease, end);
  }

  /** No handler has taken it: perhaps another machine has one. */
  #returned(task: string): void {
    const lease = this.#byName.get(task);
    if (lease === undefined) return;
    const delayMs = this.#config.spool.frequencyMs;
    this.#decide(lease, { kind: "put-off", delayMs, attempts: null });
  }

  #decide(lease: Lease, end: LeaseEnd): void {
    // What was put off while nobody could be told may have run again here.
    if (lease.isEnding || (lease.end !== null && lease.end.kind !== "put-off")) return;
    lease.end = end;
    this.#sayEnd(lease);
  }

  /** Where that cannot be done now it is done by the next connection, or when the message comes again. */
  #sayEnd(lease: Lease): Promise<void> {
    const saying = this.#tellEnd(lease).finally(() => this.#underWay.delete(saying));
    this.#underWay.add(saying);
    return saying;
  }

  async #tellEnd(lease: Lease): Promise<void> {
    const link = this.#link;
    if (link === null || lease.end === null || lease.isEnding) return;
    lease.isEnding = true;
    const { reply } = lease;
    try {
      await sayEnd(link, lease, lease.end, this.#options.clock.now());
      await this.#removeFile(lease, lease.end);
      this.#forget(lease);
    } catch (error) {
      this.#lost(link, reasonOf(error));
    } finally {
      lease.isEnding = false;
    }
    if (lease.reply !== reply && this.#bySequence.has(lease.sequence)) this.#sayEnd(lease);
  }

  /** A worker that has run it may still hold its lock. */
  async #removeFile({ ref }: Lease, end: LeaseEnd): Promise<void> {
    const { store, clock } = this.#options;
    if (ref === null || end.kind === "done") return;
    if (end.kind === "failed") return void await store.removeFailed(ref);
    while ((await store.remove(ref)).kind === "running") {
      await pauseOrAbort(clock, REMOVE_AGAIN_MS);
    }
  }

  #forget({ sequence, ref }: Lease): void {
    this.#bySequence.delete(sequence);
    if (ref !== null) this.#byName.delete(ref.name);
    this.#ask();
  }

  /** Says of all that is held that it is worked on, three times before somebody else would get it. */
  #beat(): void {
    const { clock } = this.#options;
    const link = this.#link;
    if (link !== null) {
      for (const { reply } of this.#bySequence.values()) sayWorking(link, reply);
    }
    // The work may have been paused until now.
    this.#ask();
    this.#cancelHeartbeat = clock.after(
      Math.min(LONGEST_BEAT_MS, this.#config.ackWaitMs / 3),
      () => this.#beat(),
    );
  }
}

/** Whether the same is pulled in the same way. */
function isSameWork(a: StreamWorkConfig, b: StreamWorkConfig): boolean {
  const partOf = ({ access, functions, ackWaitMs }: StreamWorkConfig) =>
    JSON.stringify([access, functions, ackWaitMs]);
  return partOf(a) === partOf(b);
}
