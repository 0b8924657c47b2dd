/**
 * The thread that takes tasks: a loop that serves the sockets, and puts what comes into the spools. It announces
 * what it has accepted, a batch at a time, so that the main thread need not read the files.
 */

import { systemClock, systemRandom } from "../platform/clock.ts";
import { EPOLLIN, type SocketCalls } from "../platform/socket_calls.ts";
import { collectGarbage, collectSome, isLarge } from "../platform/garbage.ts";
import { reasonOf } from "../platform/reason.ts";
import type { KnownIds } from "../spool/accepted_ids.ts";
import type { Platform } from "../spool/platform.ts";
import { endedBy } from "../spool/put_result.ts";
import { SpoolInbox } from "../spool/spool_inbox.ts";
import { funcOf } from "../task/request.ts";
import { AcceptedBatch } from "./accepted_batch.ts";
import { AnnouncementPace } from "./announcement_pace.ts";
import type { Accept, IncomingTask } from "./incoming_task.ts";
import type {
  AcceptResult,
  FromIntake,
  InboxPlace,
  IntakePut,
  OwnTask,
  RemoteTask,
  ToIntake,
} from "./intake_messages.ts";
import { LoopTimers, PollLoop } from "../platform/poll_loop.ts";
import { putOwn } from "./own_task.ts";
import { type Inbox, Reception } from "./reception.ts";
import { refusalText } from "./refusal_text.ts";
import { RemoteBodies } from "./remote_bodies.ts";
import { SocketServer } from "./socket_server.ts";
import { newReplays } from "./verifier.ts";

/** What only its start needed goes then. */
const START_FORGOTTEN_MS = 8000;
/** Sooner, where peers have made the program large by then. */
const LOOKS_BEFORE_MS = [1000, 3000];

export interface IntakeThreadOptions {
  readonly calls: SocketCalls;
  readonly platform: Platform;
  readonly post: (message: FromIntake) => void;
}

/** A spool that tasks come into, and what is on its way into it. */
interface OpenInbox {
  readonly spool: SpoolInbox;
  readonly inbox: Inbox & { readonly dir: string };
  underWay: number;
  /** A reload has taken it out of the ini. */
  isRetired: boolean;
}

export class IntakeThread {
  readonly #options: IntakeThreadOptions;
  readonly #timers = new LoopTimers(systemClock);
  readonly #loop: PollLoop;
  readonly #server: SocketServer;
  readonly #replays = newReplays();
  readonly #inboxes = new Map<string, OpenInbox>();
  readonly #bodies: RemoteBodies;
  #reception: Reception | null = null;
  #mark = 0;
  #ended: Promise<void> = Promise.resolve();
  /** Messages that are on their way, and the hold on the loop that lets them arrive. */
  #owed = 0;
  #hold: (() => void) | null = null;
  readonly #accepted = new AcceptedBatch();
  readonly #pace = new AnnouncementPace();
  #willSay = false;
  #connections: Int32Array | null = null;

  constructor(options: IntakeThreadOptions) {
    const { calls, post } = options;
    this.#options = options;
    this.#bodies = new RemoteBodies((call) => post({ kind: "want", call }));
    this.#loop = new PollLoop({ calls, timers: this.#timers, idle: () => this.#endRound() });
    this.#server = new SocketServer({
      ...{ calls, loop: this.#loop, clock: this.#timers },
      emit: (event) => post({ kind: "event", event }),
      accept: (task, done) => this.#accept(task, done),
    });
  }

  take(message: ToIntake): void {
    this.#owed--;
    this.#letMessagesIn();
    if (!("call" in message) || message.kind === "piece") return this.#act(message);
    const { call } = message;
    const release = this.#loop.hold();
    this.#answer(message).then(
      (value) => this.#options.post({ kind: "reply", call, value }),
      (error) => this.#options.post({ kind: "failed", call, message: reasonOf(error) }),
    ).finally(release);
  }

  #act(message: Extract<ToIntake, { kind: "start" | "piece" }>): void {
    switch (message.kind) {
      case "start":
        this.#mark = message.mark;
        this.#connections = new Int32Array(message.connections);
        this.#loop.watch(message.signal, EPOLLIN, {
          ready: () => {
            this.#owed += this.#options.calls.takeSignal(message.signal);
            this.#letMessagesIn();
          },
        });
        for (const ms of LOOKS_BEFORE_MS) this.#timers.after(ms, () => isLarge() && collectSome());
        this.#timers.after(START_FORGOTTEN_MS, collectGarbage);
        this.#ended = this.#loop.run();
        return;
      case "piece":
        return this.#bodies.take(message.call, message.piece);
      default:
        return message satisfies never;
    }
  }

  async #answer(
    message: Extract<ToIntake, { kind: "use" | "drop" | "close" | "end" | "accept" | "put" }>,
  ): Promise<unknown> {
    switch (message.kind) {
      case "use":
        this.#use(message);
        return null;
      case "drop":
        return await this.#server.drop(message.id);
      case "close":
        await this.#server.close();
        this.#say();
        return null;
      case "end":
        this.#loop.stop();
        await this.#ended;
        return null;
      case "accept":
        return await this.#acceptRemote(message.call, message.task);
      case "put":
        return await this.#put(message.task);
      default:
        return message satisfies never;
    }
  }

  /** A thread that waits for sockets gets no message: it waits elsewhere until they are here. */
  #letMessagesIn(): void {
    if (this.#owed > 0) this.#hold ??= this.#loop.hold();
    else {
      this.#hold?.();
      this.#hold = null;
    }
  }

  #open(place: InboxPlace, known: KnownIds | undefined): OpenInbox {
    const { dir, name, names } = place;
    const before = this.#inboxes.get(dir);
    if (before !== undefined) return before;
    const { platform, post } = this.#options;
    const spool = new SpoolInbox({
      ...{ dir, settings: place, known, platform, random: systemRandom },
      clock: this.#timers.running,
      mark: this.#mark,
      gone: (id) => post({ kind: "gone", dir, id }),
    });
    const ended = () => {
      open.underWay--;
      this.#closeRetired(dir, open);
    };
    const open: OpenInbox = {
      spool,
      inbox: {
        ...{ dir, name, names },
        put: (task, sent, result) => {
          open.underWay++;
          spool.put(task, sent, endedBy(result, ended));
        },
        acceptedName: (sent) => spool.acceptedName(sent),
      },
      underWay: 0,
      isRetired: false,
    };
    this.#inboxes.set(dir, open);
    return open;
  }

  #closeRetired(dir: string, open: OpenInbox): void {
    if (!open.isRetired || open.underWay > 0 || this.#inboxes.get(dir) !== open) return;
    this.#inboxes.delete(dir);
    open.spool.close();
  }

  #use({ settings, places, known }: Extract<ToIntake, { kind: "use" }>): void {
    const { post } = this.#options;
    const named = new Set(places.map(({ dir }) => dir));
    const spools = places.map((place) => {
      const open = this.#open(place, known.get(place.dir));
      open.isRetired = false;
      open.spool.use(place);
      return { ...open.inbox, name: place.name, names: place.names };
    });
    for (const [dir, open] of this.#inboxes) {
      if (named.has(dir)) continue;
      open.isRetired = true;
      this.#closeRetired(dir, open);
    }
    this.#reception = new Reception({
      ...{ spools, config: settings.reception, replays: this.#replays, clock: this.#timers },
      emit: (event) => post({ kind: "event", event }),
      accepted: (spool, ref, dueAt, func, from) => {
        const { dir } = spool as OpenInbox["inbox"];
        this.#accepted.add(ref, dueAt, { dir, func, from });
        // What was not accepted at once comes between two rounds.
        if (this.#accepted.size === 1) this.#loop.wake();
      },
    });
    this.#server.use(settings);
  }

  /** What is not done at once needs the event loop of this thread. */
  readonly #accept: Accept = (task, done) => {
    if (this.#reception === null) throw new Error("it takes no tasks yet");
    let isDone = false;
    let release: (() => void) | null = null;
    this.#reception.accept(task, (error, name) => {
      isDone = true;
      release?.();
      done(error, name);
    });
    if (!isDone) release = this.#loop.hold();
  };

  async #acceptRemote(call: number, { bodySize, ...task }: RemoteTask): Promise<AcceptResult> {
    const body = bodySize === null ? null : this.#bodies.open(call, bodySize);
    const incoming: IncomingTask = { ...task, body };
    try {
      return await new Promise<AcceptResult>((resolve, reject) => {
        this.#accept(incoming, (error, name) => {
          if (error !== null) reject(error);
          else resolve(name === undefined ? {} : { name });
        });
      });
    } catch (error) {
      return { refusal: refusalText(error) };
    } finally {
      this.#bodies.close(call);
      // It waits for nothing else that would end this round.
      this.#say();
    }
  }

  async #put(own: OwnTask): Promise<IntakePut> {
    const { dir, task, from } = own;
    const open = this.#inboxes.get(dir);
    const func = funcOf(task);
    const put = putOwn(open?.isRetired === false ? open.inbox : undefined, own, (seen) => {
      this.#accepted.add(seen, seen.dueAt, { dir, func, from });
    });
    this.#loop.wake();
    const came = await put;
    // The main thread knows of the task when its caller does.
    this.#say();
    return came;
  }

  #endRound(): void {
    while (this.#commit()) { /* an answer can bring a task into any of them */ }
    for (const [dir, { spool }] of this.#inboxes) {
      if (spool.takeJournalWish()) this.#options.post({ kind: "journal", dir });
    }
    if (this.#connections !== null) Atomics.store(this.#connections, 0, this.#server.connections);
    if (this.#accepted.size === 0 || this.#willSay) return;
    const leftMs = this.#pace.leftMs(this.#timers.monotonic());
    if (leftMs <= 0) return this.#say();
    this.#willSay = true;
    this.#timers.after(leftMs, () => this.#say());
  }

  /** @returns whether there was anything */
  #commit(): boolean {
    return this.#server.answerTogether(() => {
      let isAny = false;
      for (const { spool } of this.#inboxes.values()) isAny = spool.commit() || isAny;
      return isAny;
    });
  }

  #say(): void {
    const { post } = this.#options;
    this.#willSay = false;
    const { size } = this.#accepted;
    this.#pace.announced(this.#timers.monotonic(), size);
    if (size > 0) post({ kind: "accepted", groups: this.#accepted.take() });
  }
}
