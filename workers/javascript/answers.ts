/**
 * Answers on their way to the master: those that hold nothing may wait a moment for each other. Tasks
 * that were done one after the other by the same function are one answer.
 */

import type { AnswerKind } from "../../src/worker/message.ts";

export interface Details {
  readonly reason: string;
  readonly stderr?: string;
}

type Wire = [
  id: string,
  kind: AnswerKind,
  func: string,
  /** For several tasks: a time for each of them. */
  tookMs: number | number[],
  details?: Details,
];

/** How old the oldest may become. */
const LONGEST_WAIT_MS = 5;

export class Answers {
  #waiting: Wire[] = [];
  /** The last of them, when the next task may become a part of it. */
  #lastDone: { readonly func: string; readonly tookMs: number[] } | null = null;
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
    else {
      this.#lastDone = null;
      this.#waiting.push(details ? [id, kind, func, tookMs, details] : [id, kind, func, tookMs]);
    }
    // After a crash the master must know exactly which task had no answer yet and is still there.
    if (kind !== "done" && kind !== "gone") this.flush();
  }

  #addDone(id: string, func: string, tookMs: number): void {
    if (this.#lastDone?.func === func) {
      this.#lastDone.tookMs.push(tookMs);
      return;
    }
    this.#lastDone = { func, tookMs: [tookMs] };
    this.#waiting.push([id, "done", func, this.#lastDone.tookMs]);
  }

  /** Sends what has waited long enough. */
  flushOld(now: number): void {
    if (this.#waiting.length > 0 && now - this.#oldestAt > LONGEST_WAIT_MS) this.flush();
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const answers = this.#waiting;
    this.#waiting = [];
    this.#lastDone = null;
    this.send(answers);
  }
}
