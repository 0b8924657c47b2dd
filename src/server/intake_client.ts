/** The thread that takes tasks, as the main thread sees it: see src/server/intake_thread.ts. */

import { SystemError } from "../platform/libc_calls.ts";
import type { SocketCalls } from "../platform/socket_calls.ts";
import type { Emit } from "../report/event.ts";
import type { AcceptedGroup } from "./accepted_batch.ts";
import type { IncomingBody } from "./body.ts";
import type { Accept, IncomingTask } from "./incoming_task.ts";
import type {
  AcceptResult,
  FromIntake,
  InboxPlace,
  IntakePut,
  OwnTask,
  ToIntake,
} from "./intake_messages.ts";
import type { KnownIds } from "../spool/accepted_ids.ts";
import type { TaskRef } from "../spool/layout.ts";
import { refusalFrom, refusalText } from "./refusal_text.ts";
import type { ServedSocket, ServiceSettings, SocketService } from "./socket_server.ts";

export interface IntakeClientOptions {
  readonly calls: SocketCalls;
  readonly emit: Emit;
  /** Called with what was accepted, before anything else. */
  readonly accepted: (groups: readonly AcceptedGroup[]) => void;
  /** The journal of a spool is closed: a reload of its place is wanted. */
  readonly journalClosed: (dir: string) => void;
  /** A task that the journal has was refused after all. */
  readonly gone: (dir: string, id: string) => void;
  /** The thread has ended, which it must not. */
  readonly failed: (error: Error) => void;
}

/** What waits for the end of a call. */
interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Of the body that belongs to it. */
  readonly pieces: AsyncIterator<Uint8Array> | null;
}

/** Of the numbers in the names of tasks the last; one before it is used, too. */
const LAST_MARK = 2 ** 31 - 1;

export class IntakeClient implements SocketService {
  readonly #options: IntakeClientOptions;
  /** Null until it is asked for something. */
  #worker: Worker | null = null;
  readonly #signal: number;
  readonly #calls = new Map<number, Call>();
  #lastCall = 0;
  #isClosed = false;
  readonly #up = Promise.withResolvers<void>();
  #isUp = false;
  #used: Promise<unknown> = Promise.resolve();
  /** What it has ended with. */
  #error: Error | null = null;
  #places: readonly InboxPlace[] = [];
  /** For the next use, by the directories of their spools. */
  #known: ReadonlyMap<string, KnownIds> = new Map();
  #settings: ServiceSettings | null = null;
  readonly #connections = new SharedArrayBuffer(4);
  /** In the names of all tasks of the thread: this number, or the one before it. */
  readonly mark: number;

  /**
   * @param random uniform in [0, 1)
   * @throws {Error} when there is no descriptor left
   */
  constructor(options: IntakeClientOptions, random: number) {
    this.#options = options;
    this.#up.promise.catch(() => {});
    this.mark = 1 + Math.floor(random * (LAST_MARK - 1));
    this.#signal = options.calls.createSignal();
    if (this.#signal < 0) {
      throw new SystemError("start", "the thread that takes tasks", -this.#signal);
    }
  }

  /**
   * Not in the constructor: the main thread waits meanwhile, and sockets can listen before.
   *
   * @throws {Error} when the machine has no room for another thread
   */
  #startWorker(): Worker {
    const module = new URL("./intake_worker.ts", import.meta.url).href;
    try {
      const worker = new Worker(module, { type: "module", name: "intake" });
      worker.onmessage = ({ data }: MessageEvent<FromIntake>) => this.#take(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(new Error(`the thread that takes tasks has ended: ${event.message}`));
      };
      const start = { kind: "start", signal: this.#signal, mark: this.mark } as const;
      worker.postMessage({ ...start, connections: this.#connections } satisfies ToIntake);
      this.#options.calls.raiseSignal(this.#signal);
      return worker;
    } catch (error) {
      this.#error = error as Error;
      throw error;
    }
  }

  /** Starts the thread; resolves when it needs no more files: the program may become another user. */
  async start(): Promise<void> {
    this.#worker ??= this.#startWorker();
    await this.#up.promise;
  }

  get connections(): number {
    return Atomics.load(new Int32Array(this.#connections), 0);
  }

  #fail(error: Error): void {
    this.#error = error;
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    // One that never came up has taken nothing: a start, or a reload, fails.
    if (!this.#isUp) this.#up.reject(error);
    else if (!this.#isClosed) this.#options.failed(error);
  }

  /** @param moved nobody here may use it any more */
  #send(message: ToIntake, moved: readonly ArrayBuffer[] = []): void {
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(message, [...moved]);
    this.#options.calls.raiseSignal(this.#signal);
  }

  #call(
    message: (call: number) => ToIntake,
    pieces: AsyncIterator<Uint8Array> | null = null,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<unknown> {
    if (this.#error !== null) return Promise.reject(this.#error);
    const call = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject, pieces });
      this.#send(message(call), moved);
    });
  }

  #take(message: FromIntake): void {
    const { accepted, emit, journalClosed, gone } = this.#options;
    switch (message.kind) {
      case "up":
        this.#isUp = true;
        return this.#up.resolve();
      case "accepted":
        return accepted(message.groups);
      case "event":
        return emit(message.event);
      case "reply":
        return this.#takeCall(message.call)?.resolve(message.value);
      case "failed":
        return this.#takeCall(message.call)?.reject(new Error(message.message));
      case "want":
        return void this.#sendPiece(message.call);
      case "journal":
        return journalClosed(message.dir);
      case "gone":
        return gone(message.dir, message.id);
      default:
        return message satisfies never;
    }
  }

  #takeCall(number: number): Call | undefined {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    return call;
  }

  /**
   * From the next {@link use} on tasks go into these spools.
   *
   * @param known their ids where they are known, by their directories
   */
  usePlaces(places: readonly InboxPlace[], known: ReadonlyMap<string, KnownIds>): void {
    this.#places = places;
    this.#known = known;
  }

  use(settings: ServiceSettings): void {
    this.#settings = settings;
    const [places, known] = [this.#places, this.#known];
    this.#known = new Map();
    const moved = [...known.values()].flatMap(buffersOf);
    this.#used = this.#call((call) => ({ kind: "use", call, settings, places, known }), null, moved)
      .catch((error) => this.#fail(error));
  }

  /** Resolves when the thread does what the last {@link use} asks for. */
  async used(): Promise<void> {
    await this.#used;
  }

  /** Tasks go into these spools from now on. */
  changePlaces(change: (place: InboxPlace) => InboxPlace): void {
    this.#places = this.#places.map(change);
    if (this.#settings !== null) this.use(this.#settings);
  }

  async drop(id: number): Promise<void> {
    this.#forget((socket) => socket.id === id);
    if (this.#error !== null) return;
    await this.#call((call) => ({ kind: "drop", call, id }));
  }

  /** Its descriptor is another's before long: {@link changePlaces} must not name it again. */
  #forget(isClosed: (socket: ServedSocket) => boolean): void {
    if (this.#settings === null) return;
    const sockets = this.#settings.sockets.filter((socket) => !isClosed(socket));
    this.#settings = { ...this.#settings, sockets };
  }

  async close(): Promise<void> {
    this.#forget(() => true);
    if (this.#error !== null) return;
    await this.#call((call) => ({ kind: "close", call }));
  }

  /** Takes a task of a connection that this thread has. */
  readonly accept: Accept = ({ body, ...task }: IncomingTask, done) => {
    // The vars would cross twice.
    const remote = { ...task, file: null, bodySize: body?.size ?? null };
    const pieces = body === null ? null : iteratorOf(body);
    this.#call((call) => ({ kind: "accept", call, task: remote }), pieces).then(
      (result) => {
        const { name, refusal } = result as AcceptResult;
        done(refusal === undefined ? null : refusalFrom(refusal), name);
      },
      done,
    ).finally(() => pieces?.return?.());
  };

  /**
   * Puts a task of somebody whom this thread knows.
   *
   * @returns null when it was accepted before
   * @throws {RefusalError}
   */
  async put(task: OwnTask): Promise<TaskRef | null> {
    const put = await this.#call((call) => ({ kind: "put", call, task })) as IntakePut;
    if ("refusal" in put) throw refusalFrom(put.refusal);
    return put.accepted;
  }

  async #sendPiece(call: number): Promise<void> {
    const pieces = this.#calls.get(call)?.pieces;
    if (!pieces) return;
    const piece = await pieces.next().then(
      ({ done, value }) => done === true ? null : value,
      (error) => refusalText(error),
    );
    this.#send({ kind: "piece", call, piece });
  }

  /**
   * Nothing is asked of it any more. Resolves when no call of the system is left that writes into its
   * memory: only then may it be freed.
   */
  async end(): Promise<void> {
    this.#isClosed = true;
    try {
      if (this.#error === null && this.#worker !== null) {
        await this.#call((call) => ({ kind: "end", call }));
      }
    } finally {
      this.#worker?.terminate();
      this.#options.calls.close(this.#signal);
    }
  }
}

function buffersOf({ table: { ids, contents, times } }: KnownIds): ArrayBuffer[] {
  return [ids, contents, times].map(({ buffer }) => buffer);
}

function iteratorOf(body: IncomingBody): AsyncIterator<Uint8Array> {
  return body.pieces()[Symbol.asyncIterator]();
}
