/** The process of one worker and the connection to it, from the start of the one to the end of both. */

import { type Exit, isShortage } from "../exec/process.ts";
import type { OutputTaker } from "../exec/read_output.ts";
import { reasonOf } from "../platform/reason.ts";
import type { ProcessSignal } from "../platform/signals.ts";
import type { Channel, Received } from "./channel.ts";
import { ProtocolError } from "./frame.ts";
import type { ToWorker } from "./message.ts";
import { type WorkerCommand, WorkerProcess } from "./process.ts";
import { TaskCopies } from "./copies.ts";
import type { SocketDirectory, WorkerSocket } from "./sockets.ts";

/** The output is what the process wrote itself, not through the connection. */
export interface LinkOptions extends OutputTaker {
  readonly command: WorkerCommand;
  readonly sockets: SocketDirectory;
  /** The process runs. */
  started(): void;
  /** It has connected; what it says is received when this resolves. */
  connected(processEnded: Promise<unknown>): Promise<void>;
  received(received: Received): Promise<void>;
}

/** The process is gone, and something it left behind holds the connection open. */
const LINGER_MS = 200;

export class WorkerLink {
  readonly #options: LinkOptions;
  #process: WorkerProcess | null = null;
  #channel: Channel | null = null;
  #copies: TaskCopies | null = null;
  /** Until it has ended. */
  #socket: WorkerSocket | null = null;
  #began: string | null = null;
  #fault: string | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** What the program found fault with; null when nothing. */
  get fault(): string | null {
    return this.#fault;
  }

  /** The task that it last began; null when it began none. */
  get began(): string | null {
    return this.#socket?.began ?? this.#began;
  }

  send(message: ToWorker): void {
    this.#channel?.send(message);
  }

  /** Answers a call with what comes of it. */
  reply(id: number, outcome: Promise<unknown>): void {
    this.#channel?.reply(id, outcome);
  }

  /** Ends the process and everything it started: now, or as they take the signal. */
  kill(signal?: ProcessSignal): void {
    this.#process?.kill(signal);
  }

  /** Where the worker finds its tasks, when that is not the spool itself. */
  get copies(): TaskCopies | null {
    return this.#copies;
  }

  /** For its setup. */
  get where(): { readonly spool?: string } {
    return this.#copies === null ? {} : { spool: this.#copies.dir };
  }

  /** Lives from start to end; resolves when nothing is left. */
  async run(): Promise<Exit> {
    const { sockets } = this.#options;
    try {
      const socket = this.#socket = sockets.listen();
      if (sockets.owner !== null) this.#copies = new TaskCopies(socket.copies, sockets.owner);
      return await this.#runOn(socket);
    } catch (error) {
      return { kind: "not started", reason: reasonOf(error), isShortage: isShortage(error) };
    } finally {
      this.#began = this.began;
      const socket = this.#socket;
      this.#socket = null;
      await socket?.remove();
    }
  }

  async #runOn(socket: WorkerSocket): Promise<Exit> {
    const { command, clock, started } = this.#options;
    const process = new WorkerProcess(command, socket.path, this.#options);
    this.#process = process;
    started();
    const gone = process.ended.then(() => {
      socket.close();
      return clock.after(LINGER_MS, () => this.#channel?.close());
    });
    await this.#converse(socket, process);
    // Its connection is gone, and with it all it was good for.
    process.kill();
    (await gone)();
    return await process.ended;
  }

  async #converse(socket: WorkerSocket, process: WorkerProcess): Promise<void> {
    const channel = await socket.accept().catch((error) => {
      this.#fault ??= `the program cannot accept its connection: ${reasonOf(error)}`;
      return null;
    });
    if (channel === null) return;
    this.#channel = channel;
    await this.#options.connected(process.ended);
    try {
      for await (const received of channel.received()) await this.#take(received);
    } catch (error) {
      this.#fault ??= `the worker broke the protocol: ${reasonOf(error)}`;
    } finally {
      channel.close();
    }
  }

  /** What the program itself cannot do with a message is no fault of the worker. */
  async #take(received: Received): Promise<void> {
    try {
      await this.#options.received(received);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      reportError(error);
    }
  }
}
