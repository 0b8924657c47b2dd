/**
 * What the program (the master) and its workers say to each other, as two unions. The page
 * docs/worker-protocol.md says what each message means.
 *
 * @pure
 */

import { Fields } from "./fields.ts";
import { ProtocolError } from "./frame.ts";
import { readRegistered, type Registered } from "./registered.ts";

/** A module, by its path, by its name in its language, or by its code. */
export interface ModuleRef {
  readonly kind: "file" | "module" | "code";
  readonly name: string;
  /** For `code`. */
  readonly code?: string | undefined;
  /** Another name of it. */
  readonly alias?: string | undefined;
  /** A path as the ini has it, searched below the working directory first. */
  readonly written?: string;
  /** A web application: when it cannot be loaded the other modules work all the same. */
  readonly isApp?: boolean;
  /** A function of it that is called, for it makes the application. */
  readonly factory?: string | null;
}

/** What a worker gets before it loads its modules. */
export interface Setup {
  /** The directory it works through. */
  readonly spool: string;
  /** All of them, in the order of the ini. */
  readonly spools: readonly string[];
  readonly modules: readonly ModuleRef[];
  /** As the ini had them, for `uwsgi.opt`; true for a bare key. */
  readonly options: readonly (readonly [name: string, value: string | true])[];
  /** 1 for the first worker of its spool. */
  readonly worker: number;
  /** `spooler-processes`. */
  readonly processes: number;
  readonly hostname: string;
  readonly version: string;
  /** The master's process id. */
  readonly master: number;
  /** Path of the socket on which a process that the worker has forked may call. */
  readonly calls: string;
  /** Functions that other handlers take before a catch-all of this one. */
  readonly names: readonly string[];
  /** No other worker language is in this spool: what `names` does not have is for the catch-all. */
  readonly alone: boolean;
}

export type ToWorker =
  | { readonly type: "setup" } & Setup
  | {
    readonly type: "run";
    readonly tasks: readonly string[];
    /** The program has read the task and chosen this worker, and every answer holds the lock. */
    readonly chosen?: true;
    /** 1 when absent. */
    readonly attempt?: number;
  }
  | { readonly type: "release"; readonly task: string }
  | { readonly type: "abort"; readonly task: string; readonly reason: string }
  | { readonly type: "signal"; readonly id: number; readonly signal: number }
  | { readonly type: "reply"; readonly id: number; readonly result: unknown }
  | { readonly type: "reply"; readonly id: number; readonly error: string }
  | { readonly type: "stop" };

/** What a worker made of a task. */
const ANSWER_KINDS = [
  "done",
  "kept",
  "retry",
  "failed",
  "permanent",
  "ignored",
  "elsewhere",
  "gone",
  "busy",
  "inspect",
] as const;

export type AnswerKind = typeof ANSWER_KINDS[number];

export interface WorkerAnswer {
  readonly task: string;
  readonly kind: AnswerKind;
  readonly func: string;
  /** Of the whole task: claim, run, unlink. */
  readonly tookMs: number;
  /** One line; "" for the kinds that need none. */
  readonly reason: string;
  /** The end of a trace. */
  readonly stderr: string;
}

/** An answer as a worker sends it. */
export interface AnswerGroup extends WorkerAnswer {
  /**
   * As many tasks behind this one, in the order in which they were handed over, came to the same: how long
   * each took.
   */
  readonly nextTookMs: readonly number[];
}

export type FromWorker =
  | { readonly type: "hello"; readonly pid: number; readonly language: string }
  | {
    readonly type: "loaded";
    readonly functions: readonly string[];
    readonly catchAll: boolean;
    /** Where functions are written: a file, or `file:line`. */
    readonly origins: Readonly<Record<string, string>>;
    readonly registered: Registered;
    readonly files: readonly string[];
  }
  | {
    readonly type: "load-failed";
    readonly message: string;
    readonly trace: readonly string[];
    readonly files: readonly string[];
  }
  | { readonly type: "registered"; readonly registered: Registered }
  | { readonly type: "answers"; readonly answers: readonly AnswerGroup[] }
  | {
    readonly type: "output";
    readonly task: string | null;
    readonly func: string;
    readonly stream: "stdout" | "stderr";
    readonly lines: readonly string[];
    /** Lines of a flood that the worker has left out before these. */
    readonly dropped: number;
  }
  | {
    readonly type: "call";
    readonly id: number;
    readonly method: string;
    readonly args: Readonly<Record<string, unknown>>;
  }
  | { readonly type: "signal-done"; readonly id: number; readonly error: string | null };

/**
 * Understands the head of a worker's frame.
 *
 * @throws {ProtocolError} when it is no message, or one with something amiss
 */
export function readMessage(head: unknown): FromWorker {
  const fields = new Fields(head);
  const type = fields.text("type");
  switch (type) {
    case "hello":
      return { type, pid: fields.whole("pid"), language: fields.text("language") };
    case "loaded":
      return {
        type,
        functions: fields.texts("functions"),
        catchAll: fields.flag("catchAll"),
        origins: fields.textsByName("origins"),
        registered: readRegistered(fields),
        files: fields.textsOrNone("files"),
      };
    case "load-failed":
      return {
        type,
        message: fields.text("message"),
        trace: fields.textsOrNone("trace"),
        files: fields.textsOrNone("files"),
      };
    case "registered":
      return { type, registered: readRegistered(fields) };
    case "answers":
      return { type, answers: fields.list("answers").map(answer) };
    case "output": {
      const stream = fields.text("stream") === "stderr" ? "stderr" : "stdout";
      const task = fields.has("task") ? fields.text("task") : null;
      const func = fields.has("func") ? fields.text("func") : "";
      const dropped = fields.has("dropped") ? fields.whole("dropped") : 0;
      return { type, task, func, stream, lines: fields.texts("lines"), dropped };
    }
    case "call": {
      const args = fields.has("args") ? fields.record("args") : {};
      return { type, id: fields.whole("id"), method: fields.text("method"), args };
    }
    case "signal-done":
      return {
        type,
        id: fields.whole("id"),
        error: fields.has("error") ? fields.text("error") : null,
      };
    default:
      throw new ProtocolError(`unknown message type "${type}"`);
  }
}

function answer(value: unknown): AnswerGroup {
  if (!Array.isArray(value)) throw new ProtocolError("an answer that is not a list");
  const [task, kind, func, took, details] = value as unknown[];
  const known = ANSWER_KINDS.find((each) => each === kind);
  if (typeof task !== "string" || known === undefined) {
    throw new ProtocolError(`invalid answer ${JSON.stringify([task, kind])}`);
  }
  const [tookMs = 0, ...nextTookMs] = Array.isArray(took) ? took as unknown[] : [took];
  if (![tookMs, ...nextTookMs].every((each) => typeof each === "number")) {
    throw new ProtocolError(`a task took ${JSON.stringify(took)}, which is not a number`);
  }
  const more = details === undefined || details === null ? null : new Fields(details);
  return {
    task,
    kind: known,
    func: typeof func === "string" ? func : "",
    tookMs: tookMs as number,
    reason: more?.has("reason") ? more.text("reason") : "",
    stderr: more?.has("stderr") ? more.text("stderr") : "",
    nextTookMs: nextTookMs as number[],
  };
}
