/** What a task's function learns about its run besides the task. */

import type { TaskOutput } from "./output.ts";

export class TaskContext {
  readonly #output: TaskOutput;
  #abort: AbortController | null = null;
  #abortReason: string | null = null;

  constructor(
    /** The task's place in its spool: its name, behind its priority when it has one. */
    readonly id: string,
    /** The name of the task's file. */
    readonly name: string,
    /** The value of `ud_spool_func`, or "". */
    readonly func: string,
    /** 1 for the first run. */
    readonly attempt: number,
    output: TaskOutput,
  ) {
    this.#output = output;
  }

  /** Aborted when the task has to end soon. Made when it is first asked for: most never ask. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#abortReason !== null) this.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  abort(reason: string): void {
    this.#abortReason = reason;
    this.#abort?.abort(new DOMException(reason, "AbortError"));
  }

  /** Writes a line to the log under the task's name. */
  log = (...data: unknown[]): void => {
    this.#output.print("stdout", `${data.map(String).join(" ")}\n`);
  };
}
