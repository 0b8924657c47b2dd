/** The process of a worker: a group of its own, whose output becomes lines. */

import { type Child, startChild } from "../exec/child.ts";
import { type Exit, type RunAs, signalGroup, startAs } from "../exec/process.ts";
import { OutputLines, type OutputTaker } from "../exec/read_output.ts";
import type { ProcessSignal } from "../platform/signals.ts";

/** What starts a worker of some language. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to the program's own environment; null takes a variable out of it. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Who runs it; the program's own account when absent. */
  readonly account?: RunAs;
}

/** How long output is still read when the process is gone but a child of it holds the pipe. */
const PIPE_LINGER_MS = 200;

export class WorkerProcess {
  readonly #child: Child;
  /** Resolves when it has ended and its output has been read. Its whole group is then gone. */
  readonly ended: Promise<Exit>;

  /**
   * @param socket the path of the socket on which the master waits for it
   * @throws {Error} when it cannot be started
   */
  constructor(
    command: WorkerCommand,
    socket: string,
    taker: OutputTaker,
  ) {
    const { cwd, env } = command;
    this.#child = startChild({
      ...startAs(command.account, command.file, command.args),
      cwd,
      env: { ...env, SPOOLER_SOCKET: socket },
    }, new OutputLines(taker));
    this.ended = this.#untilEnd(taker);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it and everything it started: now, or as they take the signal. */
  kill(signal: ProcessSignal = "SIGKILL"): void {
    signalGroup(this.#child.pid, signal);
  }

  async #untilEnd(taker: OutputTaker): Promise<Exit> {
    const { code, signal } = await this.#child.ended;
    this.kill();
    const cancelLinger = taker.clock.after(PIPE_LINGER_MS, () => this.#child.stopReading());
    await this.#child.closed;
    cancelLinger();
    return signal === null ? { kind: "code", code } : { kind: "signal", signal };
  }
}
