/**
 * A worker process for task modules in TypeScript and JavaScript: this program, started again with a
 * flag that people have no use for. docs/worker-protocol.md describes what it says to the master.
 */

import { dirname, join } from "@std/path";
import { collectGarbage } from "../../src/platform/garbage.ts";
import type { Setup, ToWorker } from "../../src/worker/message.ts";
import { AnswerBuffer } from "./answers.ts";
import { BeganNote } from "./began.ts";
import { ProgramChannel } from "./channel.ts";
import { WorkerClaims } from "./claim.ts";
import { Functions } from "./functions.ts";
import { WorkerLibc } from "./libc.ts";
import { ModuleLoader } from "./loader.ts";
import { TaskOutput } from "./output.ts";
import { SignalRegistry } from "./signals.ts";
import { ownPromise, realm, RealmError } from "./realm.ts";
import { TaskRunner } from "./runner.ts";
import { installTraces, isA, reasonOf, traceOf } from "./trace.ts";
import { type Call, makeUwsgi } from "./uwsgi.ts";
import { Worker } from "./worker.ts";

const exit: (code: number) => never = Deno.exit;
const START_FORGOTTEN_MS = 3000;
/** EX_SOFTWARE of sysexits.h: the worker itself has failed. */
const EXIT_BROKEN = 70;

interface PendingCall {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Ends the process when the master says so, or is gone. */
export async function runWorker(): Promise<never> {
  try {
    await serveMaster();
  } catch (error) {
    console.error(`spooler: ${reasonOf(error)}`);
    exit(1);
  }
  exit(0);
}

async function serveMaster(): Promise<void> {
  const socket = Deno.env.get("SPOOLER_SOCKET");
  if (socket === undefined) throw new Error("a task worker is started by the program itself");
  Deno.env.delete("SPOOLER_SOCKET");
  const libc = WorkerLibc.open();
  libc.dieWithParent();
  const channel = new ProgramChannel(libc, socket);
  const { deno, v8 } = Deno.version;
  channel.send({ type: "hello", pid: Deno.pid, language: `JavaScript, Deno ${deno}, V8 ${v8}` });
  const scratch = dirname(socket);
  const began = new BeganNote(libc, join(scratch, "began"));
  await new TaskProcess(channel, libc, began, scratch).serve();
}

class TaskProcess {
  readonly #calls = new Map<number, PendingCall>();
  readonly #unawaited = new Set<Promise<unknown>>();
  #lastCall = 0;
  #worker: Worker | null = null;
  #isLoaded = false;

  constructor(
    private readonly channel: ProgramChannel,
    private readonly libc: WorkerLibc,
    private readonly began: BeganNote,
    private readonly scratch: string,
  ) {}

  /** Does what the master asks for, until the master is gone. */
  async serve(): Promise<void> {
    while (!this.channel.ended) {
      realm.enterWorker();
      this.#receive();
      this.#worker?.work(() => this.#receive());
      if (this.channel.ended) return;
      realm.enterWorker();
      realm.restoreAll();
      const readable = ownPromise(this.channel.readable());
      realm.enterTask();
      await readable;
    }
  }

  /** Takes everything that has come. */
  #receive(): void {
    realm.restoreAll();
    for (let frame; (frame = this.channel.receive()) !== null;) {
      const message = frame.head as ToWorker;
      if (message.type === "setup") this.#load(message);
      else if (message.type === "reply") this.#reply(message);
      else if (this.#worker !== null) this.#worker.take(message);
      // Nothing is loaded yet, and there is nothing to be finished.
      else if (message.type === "stop") exit(0);
    }
  }

  #reply(message: Extract<ToWorker, { type: "reply" }>): void {
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if ("error" in message) call?.reject(new Error(message.error));
    else call?.resolve(message.result);
  }

  readonly #call: Call = (method, args = {}, tail) =>
    realm.asWorker(() => this.#send(method, args, tail));

  #send(
    method: string,
    args: Readonly<Record<string, unknown>>,
    tail?: Uint8Array,
  ): Promise<unknown> {
    const id = ++this.#lastCall;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(id, { resolve, reject });
    this.channel.send({ type: "call", id, method, args }, tail);
    this.#unawaited.add(promise);
    const forget = () => this.#unawaited.delete(promise);
    promise.then(forget, forget);
    return promise;
  }

  async #load(setup: Setup): Promise<void> {
    const { channel, libc, began } = this;
    const output = new TaskOutput((author, stream, lines) =>
      channel.send({ type: "output", ...author, stream, lines })
    );
    const registry = new SignalRegistry(() => {
      if (this.#isLoaded) channel.send({ type: "registered", ...registry.registered });
    });
    const global = globalThis as unknown as Record<string, unknown>;
    const log = (line: string) => output.print("stdout", `${line}\n`);
    global.uwsgi = makeUwsgi(setup, { call: this.#call, log }, registry);
    output.install();
    const loader = new ModuleLoader(join(this.scratch, "code"));
    installTraces((text) => loader.original(text));
    logStrayErrors(output);
    const functions = new Functions();
    try {
      for (const { name } of setup.modules) {
        realm.enterTask();
        const exports = await loader.load(name);
        realm.enterWorker();
        realm.restoreAll();
        functions.add(exports, name);
      }
    } catch (error) {
      realm.enterWorker();
      realm.restoreAll();
      const trace = loader.original(traceOf(error));
      const message = isLoadError(error) ? error.message : reasonOf(error);
      const files = loader.files;
      channel.send({ type: "load-failed", message, trace: trace.split("\n"), files });
      exit(1);
    }
    realm.restoreAll();
    this.#isLoaded = true;
    const answers = new AnswerBuffer((answers) => {
      realm.restoreAll();
      channel.send({ type: "answers", answers });
    });
    const claims = new WorkerClaims(libc, setup.spool);
    const calls = this.#unawaited;
    const runner = new TaskRunner({
      ...{ setup, libc, claims, began, functions, answers, output, calls },
      progress: (args) => {
        // A task is not failed by a program that does not want to know.
        this.#call("progress", args).catch(() => {});
      },
    });
    this.#worker = new Worker({
      ...{ setup, channel, registry, runner, answers, output },
      finished: () => exit(0),
      broken: (error) => {
        try {
          const { stack, message } = error as Error;
          const text = error instanceof RealmError ? message : stack;
          output.print("stderr", `the worker failed: ${text}\n`);
        } finally {
          exit(EXIT_BROKEN);
        }
      },
    });
    channel.send({
      type: "loaded",
      functions: functions.names,
      catchAll: functions.catchAll.length > 0,
      origins: functions.origins,
      files: loader.files,
      ...registry.registered,
    });
    this.#forgetStart();
    realm.enterTask();
  }

  /** What only the start has used goes back to the system, once. */
  #forgetStart(): void {
    const forget = () => {
      collectGarbage();
      this.libc.trimMemory();
    };
    Deno.unrefTimer(setTimeout(() => realm.asWorker(forget), START_FORGOTTEN_MS));
  }
}

function isLoadError(error: unknown): error is Error {
  return isA(Error, error) && error.name === "LoadError";
}

/** An error that no task waits for is logged and ends nothing: nobody knows whose it is. */
function logStrayErrors(output: TaskOutput): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    const { reason } = event;
    realm.asWorker(() => output.print("stderr", `not caught: ${traceOf(reason)}\n`));
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    const { error } = event;
    realm.asWorker(() => output.print("stderr", `not caught: ${traceOf(error)}\n`));
  });
}
