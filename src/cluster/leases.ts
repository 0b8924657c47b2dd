/**
 * The tasks of a stream that this program has. Each message is held unacknowledged while its task lies
 * as a file in a directory of leases, where the ordinary queue runs it; what the queue decides about it
 * is said to the stream. Whatever is in the directory at the start belongs to nobody: the stream still
 * has it.
 *
 * This file is longer than 300 lines because what is taken and held is one table.
 */

import { NatsLink } from "../nats/link.ts";
import { messageIn } from "../nats/message.ts";
import { requireStream } from "../nats/stream.ts";
import { pauseOrAbort } from "../platform/aborting.ts";
import type { Cancel, Clock, Random } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { VERSION } from "../platform/version.ts";
import type { Debug } from "../report/debug.ts";
import type { Emit, Event } from "../report/event.ts";
import { TargetHealth } from "../forward/target_health.ts";
import type { Store } from "../spool/store.ts";
import { BodySweep } from "./body_sweep.ts";
import { openConsumers, type StreamConsumer } from "./consumer.ts";
import { type Lease, putOff, sayWorking, TIMEOUT_MS } from "./lease.ts";
import { AT_ONCE, endOf } from "./lease_end.ts";
import { LeaseEnds } from "./lease_ends.ts";
import { readAttempts } from "./records.ts";
import type { StreamWorkConfig } from "./settings.ts";
import { Pull } from "./pull.ts";
import type { PulledMessage } from "./pulled_message.ts";
import { answerRollCall, type StreamWorker } from "./roll_call.ts";
import { Room } from "./room.ts";
import { StrandedSweep } from "./stranded.ts";
import { PauseOfStream } from "./stream_pause.ts";
import { storedBodyOf, taskOf } from "./task_of_message.ts";

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
/** So many times the processes are not worth a thought. */
const FEW = 8;
/** Until a leader that was just elected knows what it has; then what it does not know is lost. */
const CATCH_UP_MS = 500;
const CATCH_UP_TRIES = 20;

export class Leases {
  readonly #options: LeasesOptions;
  readonly #health: TargetHealth;
  readonly #room: Room;
  readonly #ends: LeaseEnds;
  readonly #bodies: BodySweep;
  readonly #stranded: StrandedSweep;
  #config: StreamWorkConfig;
  #debug: Debug;
  #link: NatsLink | null = null;
  #connecting: Promise<void> | null = null;
  /** By the name of its file. */
  readonly #byName = new Map<string, Lease>();
  readonly #bySequence = new Map<number, Lease>();
  #cancelHeartbeat: Cancel = () => {};
  /** The last one, by the monotonic clock. */
  #beatAt = Infinity;
  #isStarted = false;
  #stopped = false;
  #isEnded = false;
  readonly #pause: PauseOfStream;
  #pulls: readonly Pull[] = [];
  /** What is being taken. */
  readonly #taking = new Set<Promise<void>>();
  /** What waits here is given back. */
  #givingBack: Promise<void> = Promise.resolve();

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#room = new Room(options.clock);
    this.#ends = new LeaseEnds({
      ...options,
      link: () => this.#link,
      lost: (link, reason) => this.#lost(link, reason),
      over: (lease) => {
        this.#debug?.(`${nameOf(lease)}: the stream knows that it is ${lease.end?.kind ?? ""}`);
        this.#forget(lease);
      },
    });
    const { clock, random, emit, name: spool } = options;
    this.#bodies = new BodySweep({ clock, random, link: () => this.#link });
    this.#stranded = new StrandedSweep({
      ...{ clock, random, link: () => this.#link },
      consumers: () => this.#pulls.map(({ consumer }) => consumer),
      warn: (message) => emit({ type: "spool.warning", spool, message }),
    });
    this.#pause = new PauseOfStream({ ...options, resumed: () => this.#ask() });
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
    await store.resume();
  }

  /** Begins to pull, or goes on with other settings. */
  start(config: StreamWorkConfig, debug?: Debug): void {
    const before = this.#config;
    this.#config = config;
    this.#debug = debug;
    const goesOn = this.#isStarted && !this.#stopped && isSameWork(before, config);
    this.#stopped = false;
    if (goesOn) return;
    if (!this.#isStarted) {
      this.#beat();
      this.#bodies.start();
      this.#stranded.start();
    }
    this.#isStarted = true;
    this.#hangUp();
    // The next try has these settings.
    if (this.#health.kind === "down") return;
    this.#connect().then(
      () => this.#health.works(() => {}),
      (error) => this.#health.failed(reasonOf(error)),
    );
  }

  /** Takes no more until the next {@link start}, and gives back what waits here; what runs goes on. */
  stopPulling(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const pull of this.#pulls) this.#track(pull.drain());
    this.#givingBack = this.#giveBack();
  }

  /** What runs has ended: all that is left goes back to the stream. */
  async end(): Promise<void> {
    this.stopPulling();
    await this.#givingBack;
    this.#cancelHeartbeat();
    if (this.#link !== null) {
      for (const lease of this.#bySequence.values()) {
        if (lease.end === null) this.#ends.decide(lease, AT_ONCE);
      }
      await this.#ends.said();
    }
    this.#isEnded = true;
    this.#bodies.stop();
    this.#stranded.stop();
    this.#health.close();
    this.#hangUp();
    await this.clear();
  }

  async #giveBack(): Promise<void> {
    await this.#taken();
    for (const lease of this.#bySequence.values()) {
      if (!this.#stopped) return;
      // What cannot be removed now goes back when all else has ended.
      await this.#ends.giveBack(lease).catch(() => {});
    }
  }

  /** One connection, however many want it. */
  #connect(): Promise<void> {
    return this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
  }

  async #open(): Promise<void> {
    const config = this.#config;
    const { address, access, functions, ackWaitMs } = config;
    const link = await NatsLink.open({ address, access, timeoutMs: TIMEOUT_MS });
    let consumers: StreamConsumer[];
    let lastSequence: number;
    try {
      lastSequence = await this.#lastSequence(link);
      consumers = await openConsumers(link, { functions, ackWaitMs });
      await this.#pause.watch(link);
      if (this.#isEnded) throw new Error("the program is stopping");
    } catch (error) {
      link.close();
      throw error;
    }
    if (!isSameWork(config, this.#config)) {
      // A reload came meanwhile.
      link.close();
      return await this.#open();
    }
    for (const lease of this.#bySequence.values()) lease.isUnsure = true;
    this.#link = link;
    answerRollCall(link, () => this.#sign());
    link.ended().then((reason) => this.#lost(link, reason));
    for (const lease of this.#bySequence.values()) this.#resume(link, lease, lastSequence);
    if (this.#stopped) return;
    this.#pulls = consumers.map(({ name: consumer, isUrgent }) =>
      new Pull({
        ...{ link, consumer, clock: this.#options.clock },
        room: () => this.#roomLeft(isUrgent),
        take: (message) => this.#track(this.#take(link, message)),
        failed: (reason) => this.#lost(link, reason),
      })
    );
    this.#ask();
  }

  /** A leader that was just elected may not know its last messages for a while. */
  async #lastSequence(link: NatsLink): Promise<number> {
    for (let tries = CATCH_UP_TRIES;; tries--) {
      const { state: { last_seq: last }, cluster } = await requireStream(link);
      const isBehind = [...this.#bySequence.keys()].some((sequence) => sequence > last);
      if (!isBehind || cluster === undefined || tries === 0) return last;
      await pauseOrAbort(this.#options.clock, CATCH_UP_MS);
    }
  }

  /**
   * The stream goes by the number alone, which may be another message's since the servers were away, or
   * become that: what runs on here is then nothing that the stream is to hear of.
   */
  async #resume(link: NatsLink, lease: Lease, lastSequence: number): Promise<void> {
    const { sequence: seq, storedAtMs } = lease;
    if (seq > lastSequence) return this.#forget(lease);
    if (lease.end === null) sayWorking(link, lease.reply);
    try {
      const stored = await messageIn(link, link.address.stream, { seq });
      const isIt = stored === null || stored.time.getTime() === storedAtMs;
      if (!isIt) return this.#forget(lease);
      if (this.#link !== link) return;
      lease.isUnsure = false;
      this.#ends.say(lease);
    } catch (error) {
      this.#lost(link, reasonOf(error));
    }
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

  /** What an operator gets to know who asks the stream. */
  #sign(): StreamWorker {
    const { store } = this.#options;
    return {
      ...{ host: Deno.hostname(), pid: Deno.pid, version: VERSION, paused: store.paused },
      processes: this.#config.spool.processes,
      functions: this.#config.functions,
      held: [...this.#bySequence.keys()],
    };
  }

  /** Tasks with a priority come also when as many others are here as may be. */
  #roomLeft(isUrgent: boolean): number {
    if (this.#stopped) return 0;
    const { processes } = this.#config.spool;
    const most = this.#room.most(processes);
    const left = most - this.#bySequence.size;
    // A request for each task that is done would be as dear as the task.
    if (!isUrgent && most > FEW * processes && left < most / 4) return 0;
    // Half of the pulls are for each kind.
    const share = 2 / this.#pulls.length;
    const wanted = Math.ceil(share * (isUrgent ? Math.min(processes, left + processes) : left));
    // To ask whether it is paused is to ask the system.
    return wanted > 0 && this.#options.store.paused ? 0 : wanted;
  }

  #track(taking: Promise<void>): Promise<void> {
    const tracked = taking.finally(() => this.#taking.delete(tracked));
    this.#taking.add(tracked);
    return tracked;
  }

  /** Resolves when nothing is being taken any more; it does not wait for a server that hangs. */
  async #taken(): Promise<void> {
    const taken = new AbortController();
    const wait = async () => {
      while (this.#taking.size > 0) await Promise.allSettled(this.#taking);
      taken.abort();
    };
    wait();
    await pauseOrAbort(this.#options.clock, TIMEOUT_MS, taken.signal);
  }

  #ask(): void {
    for (const pull of this.#pulls) pull.ask();
  }

  async #take(link: NatsLink, message: PulledMessage): Promise<void> {
    const { sequence, storedAtMs, deliveries, reply } = message;
    const known = this.#bySequence.get(sequence);
    // Servers that have lost their last messages give their numbers to others.
    if (known !== undefined && known.storedAtMs !== storedAtMs) this.#forget(known);
    else if (known !== undefined) {
      known.reply = reply;
      known.isUnsure = false;
      if (known.end !== null) this.#ends.say(known);
      return;
    }
    if (this.#stopped) return await putOff(link, reply, 0);
    const lease: Lease = {
      ...{
        sequence,
        storedAtMs,
        reply,
        storedBody: storedBodyOf(message),
        hasHistory: deliveries > 1,
      },
      ...{ ref: null, unseen: 0, end: null, isUnsure: false, stage: "held" },
    };
    this.#bySequence.set(sequence, lease);
    try {
      await this.#hold(link, message, lease);
    } catch (error) {
      // The next connection says so.
      lease.end ??= AT_ONCE;
      throw error;
    }
  }

  async #hold(link: NatsLink, message: PulledMessage, lease: Lease): Promise<void> {
    const { clock, store } = this.#options;
    const task = await taskOf(link, message);
    if (this.#stopped) return this.#ends.decide(lease, AT_ONCE);
    if (task.kind === "damaged") {
      const { reason } = task;
      return this.#ends.decide(lease, { kind: "failed", reason, attempt: 1, attempts: null });
    }
    const waitMs = (task.task.at ?? 0) - clock.now();
    if (waitMs > 0) {
      return this.#ends.decide(lease, { kind: "put-off", delayMs: waitMs, attempts: null });
    }
    const attempts = lease.hasHistory ? await readAttempts(link, lease.sequence) : null;
    let isMade = false;
    const held = await store.put(task.task, (ref) => {
      isMade = true;
      if (lease.end !== null) return;
      lease.ref = ref;
      this.#byName.set(ref.name, lease);
      this.#debug?.(`${ref.name} is message ${lease.sequence}`);
      if (attempts !== null) store.noteAttempts(ref, attempts);
    });
    // Another with the same `spooler_unique` stands here for both.
    if (!isMade) this.#ends.decide(lease, { kind: "done" });
    // It was given back while its body was on the way.
    else if (lease.ref === null) await store.remove(held);
  }

  #settled(event: Extract<Event, { type: "task.settled" }>): void {
    const lease = this.#byName.get(event.task);
    const ref = lease?.ref ?? null;
    if (lease === undefined || ref === null) return;
    const { clock, store } = this.#options;
    const attempts = () =>
      event.fate.kind === "failed"
        ? store.failedRecordOf(ref)?.attempts ?? null
        : store.attemptsOf(ref);
    const end = endOf(event, attempts, clock.now());
    if (end?.kind === "done") this.#room.finished();
    if (end !== null) this.#ends.decide(lease, end);
  }

  /** No handler has taken it: perhaps another machine has one. */
  #returned(task: string): void {
    const lease = this.#byName.get(task);
    if (lease === undefined) return;
    const delayMs = this.#config.spool.frequencyMs;
    this.#ends.decide(lease, { kind: "put-off", delayMs, attempts: null });
  }

  #forget(lease: Lease): void {
    const { sequence, ref } = lease;
    if (this.#bySequence.get(sequence) === lease) this.#bySequence.delete(sequence);
    if (ref !== null) this.#byName.delete(ref.name);
    this.#ask();
  }

  /** Whoever had no processor for too long has lost what it holds, though no server was away. */
  #warnOfStandstill(): void {
    const { clock, emit, name: spool } = this.#options;
    const now = clock.monotonic();
    const silentMs = now - this.#beatAt;
    this.#beatAt = now;
    if (silentMs < this.#config.ackWaitMs || this.#bySequence.size === 0) return;
    const message = `this program stood still for ${(silentMs / 1000).toFixed(1)} s, longer than ` +
      "ack-wait: others may have got what it has, which then runs twice";
    emit({ type: "spool.warning", spool, message });
  }

  /** Says of all that is held that it is worked on, three times before somebody else would get it. */
  #beat(): void {
    const { clock } = this.#options;
    this.#warnOfStandstill();
    for (const lease of this.#bySequence.values()) {
      // What cannot be read now is checked by the next heartbeat.
      this.#ends.check(lease).catch(() => {});
    }
    const link = this.#link;
    if (link !== null) {
      // What it cannot find out now is asked again later.
      this.#pause.checkAgain(link).catch(() => {});
      for (const lease of this.#bySequence.values()) {
        // It would undo the delay.
        const isPutOff = lease.stage === "saying" && lease.end?.kind === "put-off";
        if (!isPutOff) sayWorking(link, lease.reply);
      }
      // A large body takes a while, and others wait behind it.
      for (const { reply } of this.#pulls.flatMap(({ waiting }) => waiting)) {
        sayWorking(link, reply);
      }
    }
    // The work may have been paused until now.
    this.#ask();
    this.#cancelHeartbeat = clock.after(
      Math.min(LONGEST_BEAT_MS, this.#config.ackWaitMs / 3),
      () => this.#beat(),
    );
  }
}

/** For the log. */
function nameOf({ ref, sequence }: Lease): string {
  return ref?.name ?? `message ${sequence}`;
}

/** Whether the same is pulled in the same way. */
function isSameWork(a: StreamWorkConfig, b: StreamWorkConfig): boolean {
  const partOf = ({ access, functions, ackWaitMs }: StreamWorkConfig) =>
    JSON.stringify([access, functions, ackWaitMs]);
  return partOf(a) === partOf(b);
}
