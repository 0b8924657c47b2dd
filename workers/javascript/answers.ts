/**
 * Answers on their way to the master: those that hold nothing may wait a moment for each other. Tasks
 * that were done one after the other by the same function are one answer.
 */

import type { AnswerKind } from "../../src/worker/message.ts";

export interface Details {
  readonly reason: string;
  readonly stderr?: string;
}

/** Of one task, and of those behind it that were done as well: a time for each of them. */
type Done = [id: string, kind: "done", func: string, tookMs: number[]];
type Other = [
  id: string,
  kind: Exclude<AnswerKind, "done">,
  func: string,
  tookMs: number,
  details?: Details,
];
type Wire = Done | Other;

/** How old the oldest may become. */
const LONGEST_WAIT_MS = 5;

export class AnswerBuffer {
  #waiting: Wire[] = [];
  #oldestAt = 0;

  /** @param send takes a list of answers */
  constructor(private readonly send: (answers: readonly Wire[]) => void) {}

  /** @param now milliseconds, monotonic */
  add(
    now: number,
    id: string,
    kind: AnswerKind,
    func: string,
    tookMs: number,
    details?: Details,
  ): void {
    if (this.#waiting.length === 0) this.#oldestAt = now;
    if (kind === "done") this.#addDone(id, func, tookMs);
    else this.#waiting.push(details ? [id, kind, func, tookMs, details] : [id, kind, func, tookMs]);
    // After a crash the master must know exactly which task had no answer yet and is still there.
    if (kind !== "done" && kind !== "gone") this.flush();
  }

  #addDone(id: string, func: string, tookMs: number): void {
    const last = this.#waiting.at(-1);
    if (last?.[1] === "done" && last[2] === func) last[3].push(tookMs);
    else this.#waiting.push([id, "done", func, [tookMs]]);
  }

  /** Sends what has waited long enough. */
  flushOld(now: number): void {
    if (this.#waiting.length > 0 && now - this.#oldestAt > LONGEST_WAIT_MS) this.flush();
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const answers = this.#waiting;
    this.#waiting = [];
    this.send(answers);
  }
}
