/**
 * One worker as the program sees it: its process, its connection, what it has been handed, and the
 * time it takes.
 *
 *     loading ──loaded──► ready ──stop──► stopping ──► ended
 *        └──── load-failed, or its process ended ─────────┘
 */

import { type Exit, exitText } from "../exec/process.ts";
import { harmless } from "../exec/lines.ts";
import { Pace } from "../exec/pace.ts";
import type { Cancel, Clock } from "../platform/clock.ts";
import type { Stream } from "../report/event.ts";
import { answersTo } from "./answered.ts";
import { Connection, type SocketDirectory, type WorkerSocket } from "./connection.ts";
import { ProtocolError } from "./frame.ts";
import type { FromWorker, HeardAnswer, Registered, Setup, TaskAnswer } from "./message.ts";
import { type WorkerCommand, WorkerProcess } from "./process.ts";
import { reasonOf } from "../platform/reason.ts";

/** What a module offers. */
export interface Loaded {
  readonly language: string;
  readonly functions: readonly string[];
  readonly catchAll: boolean;
  readonly registered: Registered;
  readonly files: readonly string[];
}

export interface LoadFailure {
  readonly message: string;
  readonly trace: readonly string[];
  readonly files: readonly string[];
}

/** Somebody asked for something: a frame of the type `call`. */
export interface WorkerCall {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly tail: Uint8Array<ArrayBuffer>;
  /** Null for a process that a worker has forked. */
  readonly worker: TaskWorker | null;
}

/** Why a worker ended, and what it leaves behind. */
export interface WorkerEnd {
  /** It was asked to, and did. */
  readonly isAsked: boolean;
  readonly reason: string;
  /** Tasks it had been handed and not answered, in order. */
  readonly left: readonly string[];
}

export interface WorkerListener {
  loaded(worker: TaskWorker, loaded: Loaded): void;
  loadFailed(worker: TaskWorker, failure: LoadFailure): void;
  registered(worker: TaskWorker, registered: Registered): void;
  answered(worker: TaskWorker, answers: readonly TaskAnswer[]): void;
  /** `task` is null for what no task has printed. */
  output(task: string | null, func: string, stream: Stream, line: string): void;
  /** Rejects with what the worker is told. */
  call(call: WorkerCall): Promise<unknown>;
  ended(worker: TaskWorker, end: WorkerEnd): void;
}

export interface WorkerOptions {
  readonly command: WorkerCommand;
  readonly setup: Setup;
  readonly sockets: SocketDirectory;
  readonly harakiriMs: number | null;
  /** How long its modules may take to load. */
  readonly loadLimitMs: number;
  /** Its process starts at once, but loads nothing before this resolves. */
  readonly mayLoad: Promise<void>;
  readonly clock: Clock;
  readonly listener: WorkerListener;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** Between the wish that a task end, and SIGKILL. */
const ABORT_GRACE_MS = 1000;
/** An idle worker that was asked to end and does not. */
const STOP_GRACE_MS = 5000;
/** The process is gone, and something it left behind holds the connection open. */
const CONNECTION_LINGER_MS = 200;

export class TaskWorker {
  readonly #options: WorkerOptions;
  /** Ids in the order in which they were handed over. */
  readonly #handed = new Set<string>();
  readonly #signals = new Map<number, Waiting>();
  readonly #pace: Pace;
  #state: "loading" | "ready" | "stopping" | "ended" = "loading";
  #process: WorkerProcess | null = null;
  #connection: Connection | null = null;
  #language = "";
  /** Why it is being ended by us. */
  #doom: string | null = null;
  #failure: LoadFailure | null = null;
  #files: readonly string[] = [];
  /** When its present task began, as far as is known; monotonic. */
  #busySince = 0;
  #cancelTimer: Cancel = () => {};
  #cancelKill: Cancel = () => {};
  #lastSignal = 0;
  /** Tasks it has answered. */
  answered = 0;
  /** When it last had something to do; monotonic. */
  idleSince = 0;
  /** Resolves when nothing of it is left. */
  readonly ended: Promise<void>;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock);
    this.ended = this.#live();
  }

  get number(): number {
    return this.#options.setup.worker;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get isLoading(): boolean {
    return this.#state === "loading";
  }

  /** Ready to be handed tasks. */
  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Tasks that it has and that are not answered. */
  get unanswered(): ReadonlySet<string> {
    return this.#handed;
  }

  get isBusy(): boolean {
    return this.#handed.size > 0 || this.#signals.size > 0;
  }

  /** How long its present task has taken; 0 when it has none. */
  get busyMs(): number {
    return this.isBusy ? this.#options.clock.monotonic() - this.#busySince : 0;
  }

  /** Runs for the first time, and looked at by nobody. */
  hand(ids: readonly string[]): void {
    this.#begin();
    for (const id of ids) this.#handed.add(id);
    this.#connection?.send({ type: "run", tasks: ids });
  }

  /** One task that was chosen for this worker. */
  choose(id: string, attempt: number): void {
    this.#begin();
    this.#handed.add(id);
    this.#connection?.send({ type: "run", tasks: [id], chosen: true, attempt });
  }

  release(id: string): void {
    this.#connection?.send({ type: "release", task: id });
  }

  withdraw(): void {
    this.#connection?.send({ type: "withdraw" });
  }

  /** Resolves when the handler has run; rejects when it failed, or the worker died of it. */
  raise(signal: number): Promise<void> {
    this.#begin();
    const id = ++this.#lastSignal;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#signals.set(id, { resolve, reject });
    this.#connection?.send({ type: "signal", id, signal });
    return promise;
  }

  /** Asks it to end when its present task is over. */
  stop(): void {
    if (this.#state === "stopping" || this.#state === "ended") return;
    const wasLoading = this.#state === "loading";
    this.#state = "stopping";
    if (wasLoading) return this.kill("stopped");
    this.#connection?.send({ type: "stop" });
    if (!this.isBusy) this.#killAfter(STOP_GRACE_MS, "the worker did not end when it was asked to");
  }

  /** Asks the present task to end, and ends the worker when it does not. */
  abort(reason: string): void {
    const [task] = this.#handed;
    if (task !== undefined) this.#connection?.send({ type: "abort", task, reason });
    this.#killAfter(ABORT_GRACE_MS, reason);
  }

  /** Ends it now. */
  kill(reason: string): void {
    this.#doom ??= reason;
    this.#process?.kill();
  }

  #limitLoading(): void {
    const { loadLimitMs } = this.#options;
    this.#killAfter(loadLimitMs, `it took more than ${loadLimitMs / 1000} s`);
  }

  #killAfter(delayMs: number, reason: string): void {
    this.#cancelKill();
    this.#cancelKill = this.#options.clock.after(delayMs, () => this.kill(reason));
  }

  #begin(): void {
    if (this.isBusy) return;
    this.#busySince = this.#options.clock.monotonic();
    this.#watchTime();
  }

  /** One timer at a time: where answers have come since, it only looks again later. */
  #watchTime(): void {
    const { harakiriMs, clock } = this.#options;
    if (harakiriMs === null) return;
    this.#cancelTimer();
    this.#cancelTimer = clock.after(harakiriMs - this.busyMs, () => {
      if (!this.isBusy || this.#state === "ended") return;
      if (this.busyMs < harakiriMs) this.#watchTime();
      else this.abort(`harakiri after ${harakiriMs / 1000} s`);
    });
  }

  async #live(): Promise<void> {
    const { sockets, clock } = this.#options;
    this.idleSince = clock.monotonic();
    let socket: WorkerSocket | null = null;
    let exit: Exit;
    try {
      socket = sockets.listen();
      exit = await this.#runIn(socket);
    } catch (error) {
      exit = { kind: "not started", reason: reasonOf(error) };
    }
    this.#cancelTimer();
    this.#cancelKill();
    await socket?.remove();
    this.#end(exit);
  }

  async #runIn(socket: WorkerSocket): Promise<Exit> {
    const { command, clock } = this.#options;
    if (this.#state === "stopping") return { kind: "aborted" };
    try {
      this.#process = new WorkerProcess(command, socket.path, clock, (stream, line) => {
        const [task] = this.#handed;
        this.#options.listener.output(task ?? null, "", stream, line);
      });
    } catch (error) {
      const reason = reasonOf(error);
      return { kind: "not started", reason };
    }
    this.#limitLoading();
    const process = this.#process;
    const gone = process.ended.then(() => {
      socket.close();
      return clock.after(CONNECTION_LINGER_MS, () => this.#connection?.close());
    });
    await this.#converse(socket, process);
    // Its connection is gone, and with it all it was good for.
    process.kill();
    (await gone)();
    return await process.ended;
  }

  async #converse(socket: WorkerSocket, process: WorkerProcess): Promise<void> {
    const connection = await socket.accept().catch((error) => {
      this.#doom ??= `the program cannot listen to it: ${reasonOf(error)}`;
      return null;
    });
    if (connection === null) return;
    this.#connection = connection;
    await Promise.race([this.#options.mayLoad, process.ended]);
    if (this.#state === "loading") this.#limitLoading();
    connection.send({ type: "setup", ...this.#options.setup });
    try {
      for await (const { message, tail } of connection.received()) await this.#take(message, tail);
    } catch (error) {
      this.#doom ??= `the worker broke the protocol: ${reasonOf(error)}`;
    } finally {
      connection.close();
    }
  }

  async #take(message: FromWorker, tail: Uint8Array<ArrayBuffer>): Promise<void> {
    const { listener, clock } = this.#options;
    switch (message.type) {
      case "hello":
        this.#language = message.language;
        return;
      case "loaded":
        this.#cancelKill();
        this.#files = message.files;
        if (this.#state !== "loading") return;
        this.#state = "ready";
        this.idleSince = clock.monotonic();
        return listener.loaded(this, { ...message, language: this.#language });
      case "load-failed":
        this.#failure = message;
        return;
      case "registered":
        return listener.registered(this, message.registered);
      case "answers":
        this.#took(message.answers);
        return;
      case "output": {
        let bytes = 0;
        for (const line of message.lines) {
          bytes += line.length + 1;
          listener.output(message.task, message.func, message.stream, harmless(line));
        }
        return await this.#pace.after(bytes);
      }
      case "call":
        this.#answerCall(message, tail);
        return;
      case "signal-done":
        return this.#signalDone(message.id, message.error);
      default:
        return message satisfies never;
    }
  }

  #took(heard: readonly HeardAnswer[]): void {
    const { clock, listener } = this.#options;
    this.#busySince = this.idleSince = clock.monotonic();
    // What was about to be ended has ended by itself.
    if (this.#doom === null) this.#cancelKill();
    const { answers, fault } = answersTo(this.#handed, heard);
    for (const { kind } of answers) if (kind !== "withdrawn") this.answered++;
    listener.answered(this, answers);
    if (fault !== null) throw new ProtocolError(fault);
    if (this.#state === "stopping" && !this.isBusy) {
      this.#killAfter(STOP_GRACE_MS, "the worker did not end when it was asked to");
    }
  }

  #signalDone(id: number, error: string | null): void {
    const waiting = this.#signals.get(id);
    this.#signals.delete(id);
    this.#took([]);
    if (error === null) waiting?.resolve();
    else waiting?.reject(new Error(error));
  }

  #answerCall(call: Extract<FromWorker, { type: "call" }>, tail: Uint8Array<ArrayBuffer>): void {
    const { id, method, args } = call;
    const outcome = this.#options.listener.call({ method, args, tail, worker: this });
    this.#connection?.reply(id, outcome);
  }

  #end(exit: Exit): void {
    const { listener, setup } = this.#options;
    const wasLoading = this.#state === "loading";
    const wasStopping = this.#state === "stopping";
    this.#state = "ended";
    const reason = this.#doom ?? endText(exit);
    for (const { reject } of this.#signals.values()) reject(new Error(reason));
    this.#signals.clear();
    if (wasLoading) {
      const modules = setup.modules.map(({ name }) => name);
      const message = `${modules.join(", ")} cannot be loaded: ${reason}`;
      listener.loadFailed(this, this.#failure ?? { message, trace: [], files: this.#files });
    }
    const isAsked = wasStopping && this.#doom === null && exit.kind === "code" && exit.code === 0;
    listener.ended(this, { isAsked, reason, left: [...this.#handed] });
    this.#handed.clear();
  }
}

function endText(exit: Exit): string {
  if (exit.kind === "code") return `the worker ended with ${exitText(exit)}`;
  return `the worker ${exit.kind === "signal" ? "was " : ""}${exitText(exit)}`;
}
