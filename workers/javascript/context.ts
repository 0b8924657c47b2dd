/** What a task's function learns about its run besides the task. */

import { format } from "node:util";
import { keysOfTexts } from "../../src/wire/json_vars.ts";
import type { TaskOutput } from "./output.ts";
import { ProgressReport, type SendProgress } from "./progress.ts";
import { realm } from "./realm.ts";

export class TaskContext {
  readonly #output: TaskOutput;
  #abort: AbortController | null = null;
  #abortReason: string | null = null;
  readonly #vars: Readonly<Record<string, string>>;
  #json: Record<string, unknown> | null = null;
  #progress: ProgressReport | null = null;
  #isOver = false;
  readonly #send: SendProgress;

  constructor(
    /** The task's place in its spool: its name, behind its priority when it has one. */
    readonly id: string,
    /** The name of the task's file. */
    readonly name: string,
    /** The value of `ud_spool_func`, or "". */
    readonly func: string,
    /** 1 for the first run. */
    readonly attempt: number,
    vars: Readonly<Record<string, string>>,
    output: TaskOutput,
    sendProgress: SendProgress,
  ) {
    this.#vars = vars;
    this.#send = sendProgress;
    this.#output = output;
  }

  /** The task's own values, as they were given: those that came as JSON are what it says. */
  get json(): Record<string, unknown> {
    return this.#json ??= realm.asWorker(() => keysOfTexts(Object.entries(this.#vars)));
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

  /** Writes to the log under the task's name, as `console.log` does. */
  log = (...data: unknown[]): void => {
    this.#output.print("stdout", `${format(...data)}\n`);
  };

  /** Says how far the task is, for `spooler status` and the dashboard. */
  progress = (done: number, total?: number, text?: string): void => {
    this.#progress ??= new ProgressReport(this.id, this.#send);
    if (this.#isOver) this.#progress.end();
    this.#progress.say(done, total, text);
  };

  end(): void {
    this.#isOver = true;
    this.#progress?.end();
  }
}
