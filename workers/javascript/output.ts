/**
 * What task code prints goes to the master as lines with the task's name: everything of `console`,
 * and what is written to `Deno.stdout` and `Deno.stderr`. What goes to the descriptors past these
 * (child processes, say) comes out of the worker's pipes.
 */

import { LineSplitter } from "../../src/exec/lines.ts";
import { TaskConsole } from "./console.ts";
import { realm } from "./realm.ts";

export type OutputStream = "stdout" | "stderr";

/** Who prints. */
export interface Author {
  /** Null outside of a task. */
  readonly task: string | null;
  readonly func: string;
}

/** Takes lines; returns when they are on their way. */
export type SendLines = (author: Author, stream: OutputStream, lines: readonly string[]) => void;

/** Lines that are sent at once at the most. */
const MOST_LINES = 500;
const NOBODY: Author = { task: null, func: "" };
const encoder = new TextEncoder();

export class TaskOutput {
  #author: Author = NOBODY;
  #lines: string[] = [];
  #splitters = this.#newSplitters();

  constructor(private readonly send: SendLines) {}

  #newSplitters(): Record<OutputStream, LineSplitter | null> {
    return { stdout: null, stderr: null };
  }

  /** What is printed from now on is this task's. */
  begin(author: Author): void {
    this.#author = author;
  }

  /** The task is over: a line that it left open ends. */
  end(): void {
    const { stdout, stderr } = this.#splitters;
    if (stdout !== null || stderr !== null) {
      realm.restoreAll();
      this.#splitters = this.#newSplitters();
      this.#sending("stdout", () => stdout?.close());
      this.#sending("stderr", () => stderr?.close());
    }
    this.#author = NOBODY;
  }

  write(stream: OutputStream, bytes: Uint8Array): void {
    realm.asWorker(() => this.#write(stream, bytes));
  }

  print(stream: OutputStream, text: string): void {
    realm.asWorker(() => this.#write(stream, encoder.encode(text)));
  }

  #write(stream: OutputStream, bytes: Uint8Array): void {
    this.#sending(stream, () => {
      let splitter = this.#splitters[stream];
      if (splitter === null) {
        this.#splitters[stream] = splitter = new LineSplitter((line) => this.#add(stream, line));
      }
      splitter.push(bytes);
    });
  }

  #add(stream: OutputStream, line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= MOST_LINES) this.#flush(stream);
  }

  #sending(stream: OutputStream, write: () => void): void {
    write();
    this.#flush(stream);
  }

  #flush(stream: OutputStream): void {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    this.#lines = [];
    this.send(this.#author, stream, lines);
  }

  /** Takes the place of the engine's own `console`, `Deno.stdout` and `Deno.stderr`. */
  install(): void {
    const replace = (object: object, name: string, value: unknown) =>
      Object.defineProperty(object, name, { value, configurable: true, writable: true });
    for (const stream of ["stdout", "stderr"] as const) {
      const writeSync = (bytes: Uint8Array) => {
        this.write(stream, bytes);
        return bytes.length;
      };
      replace(Deno[stream], "writeSync", writeSync);
      replace(Deno[stream], "write", (bytes: Uint8Array) => Promise.resolve(writeSync(bytes)));
    }
    const console = new TaskConsole((stream, text) => this.print(stream, text));
    replace(globalThis, "console", console);
  }
}
