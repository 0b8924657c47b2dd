/** The `console` of task code: texts that the worker sends on, made as the engine's own makes them. */

import { format, inspect } from "node:util";
import type { OutputStream } from "./output.ts";

export class TaskConsole {
  #indent = "";
  readonly #counts = new Map<string, number>();
  readonly #timers = new Map<string, number>();

  /** @param print takes a text with its newline */
  constructor(private readonly print: (stream: OutputStream, text: string) => void) {}

  #write(stream: OutputStream, text: string): void {
    const indented = this.#indent === "" ? text : text.replaceAll(/^/gm, this.#indent);
    this.print(stream, `${indented}\n`);
  }

  log = (...data: unknown[]): void => this.#write("stdout", format(...data));
  info = this.log;
  debug = this.log;
  error = (...data: unknown[]): void => this.#write("stderr", format(...data));
  warn = this.error;

  dir = (item: unknown, options: object = {}): void =>
    this.#write("stdout", inspect(item, { ...options }));
  dirxml = this.log;
  table = (data: unknown): void => this.log(data);

  trace = (...data: unknown[]): void => {
    const { stack = "" } = new Error(format(...data));
    this.#write("stderr", stack.replace(/^Error:?/, "Trace:"));
  };

  assert = (condition?: unknown, ...data: unknown[]): void => {
    if (condition) return;
    this.error(data.length === 0 ? "Assertion failed" : `Assertion failed: ${format(...data)}`);
  };

  group = (...data: unknown[]): void => {
    if (data.length > 0) this.log(...data);
    this.#indent += "  ";
  };
  groupCollapsed = this.group;
  groupEnd = (): void => {
    this.#indent = this.#indent.slice(2);
  };

  count = (label = "default"): void => {
    const count = (this.#counts.get(label) ?? 0) + 1;
    this.#counts.set(label, count);
    this.log(`${label}: ${count}`);
  };
  countReset = (label = "default"): void => {
    this.#counts.delete(label);
  };

  time = (label = "default"): void => {
    this.#timers.set(label, performance.now());
  };
  timeLog = (label = "default", ...data: unknown[]): void => {
    const startedAt = this.#timers.get(label);
    if (startedAt === undefined) return this.warn(`there is no timer "${label}"`);
    this.log(`${label}: ${(performance.now() - startedAt).toFixed(3)} ms`, ...data);
  };
  timeEnd = (label = "default"): void => {
    this.timeLog(label);
    this.#timers.delete(label);
  };

  /** There is no screen to clear, and nobody who profiles. */
  clear = (): void => {};
  profile = (): void => {};
  profileEnd = (): void => {};
  timeStamp = (): void => {};
}
