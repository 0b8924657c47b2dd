/**
 * What one run prints, within a limit: of more its beginning and its end are kept. Each line is an array
 * in JSON, `[NUMBER, MILLISECONDS, "stdout" | "stderr", TEXT]`, counted from 1: a gap in the numbers says
 * how many lines are missing.
 *
 * @pure
 */

import { isJsonObject, parseJson } from "../platform/json.ts";
import type { OutputStream } from "../report/event.ts";

export interface OutputLine {
  /** 1 for the first. */
  readonly number: number;
  /** When it was printed, in milliseconds since the epoch. */
  readonly at: number;
  readonly stream: OutputStream;
  readonly text: string;
}

/** What a file of running output begins with. */
export interface OutputHeader {
  /** Of the task or the job. */
  readonly of: string;
  readonly func: string;
  /** Which of its runs; 1 for the first. */
  readonly attempt: number;
  /** When the first line was printed, in milliseconds since the epoch. */
  readonly since: number;
  /** Of a job; null for a task. */
  readonly slot: number | null;
}

interface KeptPiece {
  readonly text: string;
  readonly size: number;
}

/** The file of what runs is made anew when it has grown to so many times the limit. */
const MOST_GROWTH = 4;

export class RunOutput {
  /** Printed, kept or not. */
  lines = 0;
  bytes = 0;
  /** Some of it came over the log's budget, and in full: what the log misses is not missing here. */
  hasOverflow = false;
  readonly #head: string[] = [];
  #headSize = 0;
  /** Nothing more goes into the head: it is the beginning, without a gap. */
  #isHeadFull = false;
  #tail: KeptPiece[] = [];
  #tailFrom = 0;
  #tailSize = 0;
  /** Not yet in the file of what runs. */
  #fresh: string[] = [];
  #freshSize = 0;
  /** In that file; null when it has to be made anew. */
  #written: number | null = null;

  /** @param most bytes that are kept; 0 only counts */
  constructor(readonly header: OutputHeader, private readonly most: number) {}

  add(at: number, stream: OutputStream, text: string): void {
    this.lines++;
    this.bytes += sizeOf(text) + 1;
    if (this.most === 0) return;
    const line = outputLine({ number: this.lines, at: Math.round(at), stream, text });
    const size = sizeOf(line);
    this.#note(line, size);
    if (!this.#isHeadFull && this.#headSize + size <= this.most / 2) {
      this.#head.push(line);
      this.#headSize += size;
      return;
    }
    this.#isHeadFull = true;
    this.#tail.push({ text: line, size });
    this.#tailSize += size;
    while (this.#headSize + this.#tailSize > this.most && this.#tailFrom < this.#tail.length) {
      this.#tailSize -= this.#tail[this.#tailFrom++]?.size ?? 0;
    }
    // Not for each line: that would move all of them each time.
    if (this.#tailFrom > this.#tail.length / 2) {
      this.#tail = this.#tail.slice(this.#tailFrom);
      this.#tailFrom = 0;
    }
  }

  /** For the file of what runs. When that falls behind it is made anew. */
  #note(line: string, size: number): void {
    if (this.#written === null) return;
    this.#fresh.push(line);
    this.#freshSize += size;
    if (this.#written + this.#freshSize <= MOST_GROWTH * this.most) return;
    this.#written = null;
    this.#fresh = [];
    this.#freshSize = 0;
  }

  /** Lines that were printed and that nobody has. */
  miss(lines: number): void {
    this.lines += lines;
    if (lines > 0) this.#isHeadFull = true;
  }

  /** All that is kept, for a file. */
  get text(): string {
    return this.#head.join("") + this.#tail.slice(this.#tailFrom).map(({ text }) => text).join("");
  }

  /** What is to be written to the file of what runs, or in its place; null when nothing is. */
  takeFresh(): { readonly text: string; readonly replaces: boolean } | null {
    const replaces = this.#written === null;
    if (!replaces && this.#fresh.length === 0) return null;
    const text = replaces ? `${JSON.stringify(this.header)}\n${this.text}` : this.#fresh.join("");
    this.#written = (this.#written ?? 0) + sizeOf(text);
    this.#fresh = [];
    this.#freshSize = 0;
    return { text, replaces };
  }
}

const encoder = new TextEncoder();

/** In bytes. */
function sizeOf(text: string): number {
  return encoder.encode(text).length;
}

/** With its end. */
export function outputLine({ number, at, stream, text }: OutputLine): string {
  return `${JSON.stringify([number, at, stream, text])}\n`;
}

/** Null for what is no line: one that a crash has cut, for example. */
export function readOutputLine(line: string): OutputLine | null {
  const value = parseJson(line);
  if (!Array.isArray(value)) return null;
  const [number, at, stream, text] = value as unknown[];
  if (typeof number !== "number" || typeof at !== "number" || typeof text !== "string") return null;
  return { number, at, stream: stream === "stderr" ? "stderr" : "stdout", text };
}

/** Null for what is none. */
export function readHeader(line: string): OutputHeader | null {
  const value = parseJson(line);
  if (!isJsonObject(value)) return null;
  const { of, func, attempt, since, slot } = value;
  if (typeof of !== "string" || typeof func !== "string" || typeof since !== "number") return null;
  return {
    ...{ of, func, since },
    attempt: typeof attempt === "number" ? attempt : 1,
    slot: typeof slot === "number" ? slot : null,
  };
}
