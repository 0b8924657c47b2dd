/**
 * For unit tests of task code, under Deno, Node and Bun: importing this makes a global `uwsgi` of its
 * own, so that task modules can be imported, and {@link runTask} runs one function as a worker would.
 *
 *     import { runTask } from "spooler/testing";
 *     import { send_mail } from "./tasks.ts";
 *
 *     const run = await runTask(send_mail, { to: "ann@example.org", user: { id: 1 } });
 *     assertEquals([run.result, run.log], ["done", ["mail to ann@example.org"]]);
 */

import { format } from "node:util";
import { keysOfTexts, varsOfKeys } from "../../src/wire/json_vars.ts";
import { varText } from "../../src/wire/packet.ts";
import { checkProgress } from "../javascript/progress_numbers.ts";
import { meaningOf, SPOOL_IGNORE, SPOOL_OK, SPOOL_RETRY } from "../javascript/functions.ts";

/** What a function gets as its third argument; `TaskContext` of uwsgi.d.ts has the same. */
export interface FakeContext {
  readonly name: string;
  readonly func: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly json: Readonly<Record<string, unknown>>;
  log(...data: unknown[]): void;
  progress(done: number, total?: number, text?: string): void;
}

export interface RunOptions {
  /** The task's body. */
  readonly body?: Uint8Array | string;
  /** 1 for the first run, which is the default. */
  readonly attempt?: number;
  /** Aborted when the task is to end soon. */
  readonly signal?: AbortSignal;
}

/** What came of a run. */
export interface TestRun {
  /** What becomes of the task; `permanent` is `uwsgi.Permanent`. */
  readonly result: "done" | "ignored" | "retry" | "failed" | "permanent";
  /** What the function threw. */
  readonly error?: unknown;
  /** What it wrote with `context.log` and `uwsgi.log`, a line each. */
  readonly log: readonly string[];
  /** Tasks that it put into a spool with `uwsgi.spool`, in order. */
  readonly spooled: readonly Readonly<Record<string, unknown>>[];
  /** What it said with `context.progress`, in order. */
  readonly progress: readonly {
    readonly done: number;
    readonly total?: number;
    readonly text?: string;
  }[];
}

export type TestedFunction = (
  vars: Readonly<Record<string, string>>,
  body: Uint8Array,
  context: FakeContext,
) => unknown;

/** What task code has registered with the fake `uwsgi`, in order. */
export interface RegisteredTimer {
  readonly kind: "signal" | "timer" | "rbtimer" | "cron";
  /** The signal, the seconds, or the fields of a cron. */
  readonly when: readonly number[];
  readonly handler: (signal: number) => unknown;
}

class FakePermanent extends Error {
  override name = "Permanent";
}

let lines: string[] = [];
let tasks: Record<string, unknown>[] = [];
const timers: RegisteredTimer[] = [];

function register(kind: RegisteredTimer["kind"]) {
  return (...args: unknown[]): void => {
    const handler = args.find((arg) => typeof arg === "function") as RegisteredTimer["handler"];
    timers.push({ kind, when: args.filter((arg) => typeof arg === "number"), handler });
  };
}

/** The global `uwsgi` of tests. `opt` may be filled in before the code that reads it is imported. */
export const uwsgi = {
  SPOOL_OK,
  SPOOL_RETRY,
  SPOOL_IGNORE,
  Permanent: FakePermanent,
  opt: {} as Record<string, unknown>,
  version: "test",
  hostname: "test",
  spoolers: ["/spool"],
  masterpid: 1,
  numproc: 1,
  workerId: 1,
  spool(task: Record<string, unknown>): Promise<string> {
    tasks.push(task);
    return Promise.resolve(`/spool/uwsgi_spoolfile_on_test_${tasks.length}`);
  },
  sendMessage: () => Promise.resolve(true),
  log: (...data: unknown[]): void => void lines.push(format(...data)),
  raise: () => Promise.resolve(),
  signal: register("signal"),
  timer: register("timer"),
  rbtimer: register("rbtimer"),
  cron: register("cron"),
};

Object.defineProperty(globalThis, "uwsgi", { value: uwsgi, configurable: true, writable: true });

/** The timers, crons and signals that imported modules have registered. */
export function registered(): readonly RegisteredTimer[] {
  return [...timers];
}

/**
 * Runs a function with a task of these values, as a worker would: it gets texts, and `context.json` the
 * values. One run at a time.
 *
 * @throws {TypeError} when a value cannot be part of a task
 */
export async function runTask(
  func: TestedFunction,
  values: object = {},
  { body = new Uint8Array(0), attempt = 1, signal = new AbortController().signal }: RunOptions = {},
): Promise<TestRun> {
  const texts = varsOfKeys({ ud_spool_func: func.name, ...values })
    .map(({ name, value }) => [varText(name), varText(value)] as const);
  const name = "uwsgi_spoolfile_on_test_1_1_1_1_1";
  const progress: TestRun["progress"][number][] = [];
  let isOver = false;
  const log = lines = [];
  const spooled = tasks = [];
  const context: FakeContext = {
    ...{ name, func: func.name, attempt, signal, json: keysOfTexts(texts), log: uwsgi.log },
    progress: (done, total, text) => {
      checkProgress(done, total);
      if (isOver) return;
      progress.push({
        done,
        ...(total === undefined ? {} : { total }),
        ...(text === undefined ? {} : { text: String(text) }),
      });
    },
  };
  const vars = { ...Object.fromEntries(texts), spooler_task_name: name };
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const seen = { log, spooled, progress };
  try {
    const meaning = meaningOf(await func(vars, bytes, context));
    return { result: meaning.kind, ...seen };
  } catch (error) {
    return { result: error instanceof FakePermanent ? "permanent" : "failed", error, ...seen };
  } finally {
    isOver = true;
  }
}
