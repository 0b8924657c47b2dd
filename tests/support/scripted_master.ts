/**
 * A master that does what a test says: starts a worker, sends it messages, keeps what it answers.
 * Waiting is for messages, never for time.
 */

import { dirname, join } from "@std/path";
import { pythonCommand, writePythonFiles } from "../../src/worker/python.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { answersTo } from "../../src/worker/answered.ts";
import { CallSocket } from "../../src/worker/call_socket.ts";
import type { Channel } from "../../src/worker/channel.ts";
import { SocketDirectory } from "../../src/worker/sockets.ts";
import type { AnswerKind, FromWorker, Setup, WorkerAnswer } from "../../src/worker/message.ts";
import { WORKER_FLAG } from "../../src/worker/flag.ts";
import { commandLine, PATIENCE_MS } from "./program.ts";
import { testPython } from "./require.ts";
import { varsOf } from "./store.ts";
import { tempDir } from "./temp.ts";

type MessageOf<T extends FromWorker["type"]> = Extract<FromWorker, { type: T }>;
type Call = MessageOf<"call">;

/** What a call, also one of a forked child, is answered with; throws for a refusal. */
export type OnCall = (call: Call, tail: Uint8Array) => unknown;

export interface WorkerOptions {
  readonly setup?: Partial<Setup>;
  readonly env?: Record<string, string>;
  readonly onCall?: OnCall;
  /** Wait for `loaded`; the usual. */
  readonly loads?: boolean;
  /** More files beside the module. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface PythonOptions extends WorkerOptions {
  readonly python?: string;
  readonly paths?: readonly string[];
}

interface StartCommand {
  readonly file: string;
  readonly args: readonly string[];
}

export class ScriptedMaster implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #heard: FromWorker[] = [];
  /** Tasks that the worker was given and has not answered. */
  readonly #handed = new Set<string>();
  #wake: (heard?: FromWorker["type"]) => void = () => {};
  #over = false;
  #names = 0;
  /** Lines of the worker's own stdout and stderr, not those of messages. */
  piped = "";
  private readonly reading: Promise<void>[] = [];

  private constructor(
    readonly dir: string,
    readonly spool: string,
    readonly child: Deno.ChildProcess,
    readonly connection: Channel,
    private readonly onCall: OnCall,
  ) {}

  /** Starts a Python worker with `code` as its module tasks.py. */
  static async python(code: string, options: PythonOptions = {}): Promise<ScriptedMaster> {
    const config = { command: options.python ?? testPython, paths: options.paths ?? [] };
    return await ScriptedMaster.#start("tasks.py", code, options, async (scratch, dir) => {
      return pythonCommand(config, await writePythonFiles(scratch), dir);
    });
  }

  /** Starts a TypeScript worker of the program under test, with `code` as its module tasks.ts. */
  static async typescript(code: string, options: WorkerOptions = {}): Promise<ScriptedMaster> {
    const [file, args] = commandLine([WORKER_FLAG]);
    return await ScriptedMaster.#start("tasks.ts", code, options, () => ({ file, args }));
  }

  static async #start(
    module: string,
    code: string,
    options: WorkerOptions,
    commandFor: (scratch: string, dir: string) => StartCommand | Promise<StartCommand>,
  ): Promise<ScriptedMaster> {
    const stack = new AsyncDisposableStack();
    const temp = stack.use(await tempDir());
    const sockets = stack.use(await SocketDirectory.make());
    const dir = temp.path;
    const spool = join(dir, "spool");
    await Deno.mkdir(spool);
    for (const [file, text] of Object.entries({ [module]: code, ...options.files })) {
      await Deno.mkdir(dirname(join(dir, file)), { recursive: true });
      await Deno.writeTextFile(join(dir, file), text);
    }
    const { file, args } = await commandFor(sockets.path, dir);
    const socket = sockets.listen();
    const child = new Deno.Command(file, {
      args: [...args],
      cwd: dir,
      env: { SPOOLER_SOCKET: socket.path, ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // One that ends before it has connected is an end of the connection, too.
    child.status.then(() => socket.close());
    const connection = await socket.accept();
    if (connection === null) {
      const { stderr } = await child.output();
      await stack.disposeAsync();
      throw new Error(`the worker did not connect:\n${new TextDecoder().decode(stderr)}`);
    }
    const master = new ScriptedMaster(dir, spool, child, connection, options.onCall ?? noCall);
    master.#stack.use(stack);
    master.reading.push(master.#listen(), master.#pipe(child.stdout), master.#pipe(child.stderr));
    master.#stack.defer(() => master.ended());
    const calls = join(sockets.makeDir(), "socket");
    const onCall = options.onCall ?? noCall;
    stack.use(
      new CallSocket({
        path: calls,
        clock: systemClock,
        // deno-lint-ignore require-await -- what it throws is to be a rejection
        call: async ({ method, args, tail }) => onCall({ type: "call", id: 0, method, args }, tail),
      }),
    );
    const setup: Setup = {
      spool,
      spools: [spool],
      modules: [{ kind: "file", name: join(dir, module) }],
      options: [["spooler", "spool"]],
      worker: 1,
      processes: 1,
      hostname: "box",
      version: "9.9.9",
      master: Deno.pid,
      names: [],
      alone: true,
      calls,
      ...options.setup,
    };
    connection.send({ type: "setup", ...setup });
    if (options.loads !== false) await master.hears("loaded");
    return master;
  }

  async #listen(): Promise<void> {
    for await (const { message, tail } of this.connection.received()) {
      if (message.type === "call") this.#reply(message, tail);
      this.#heard.push(message);
      this.#wake(message.type);
    }
    this.#over = true;
    this.#wake();
  }

  #reply(call: Call, tail: Uint8Array): void {
    const { id } = call;
    try {
      const result = this.onCall(call, tail) ?? null;
      this.connection.send({ type: "reply", id, result });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.connection.send({ type: "reply", id, error: text });
    }
  }

  async #pipe(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.piped += text;
  }

  /** The next message of this type that has not been heard yet. */
  async hears<T extends FromWorker["type"]>(type: T): Promise<MessageOf<T>> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#wake();
    }, PATIENCE_MS);
    try {
      while (true) {
        const at = this.#heard.findIndex((message) => message.type === type);
        if (at >= 0) return this.#heard.splice(at, 1)[0] as MessageOf<T>;
        if (this.#over || timedOut) {
          const why = this.#over ? "the worker is gone" : "it took too long";
          const heard = JSON.stringify(this.#heard);
          throw new Error(`no ${type}: ${why}\n${heard}\n${this.piped}`);
        }
        await new Promise<void>((resolve) => {
          // A flood of output wakes nobody who waits for something else.
          this.#wake = (heard) => heard === undefined || heard === type ? resolve() : undefined;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lines that task code has printed so far and that were not taken yet. */
  printed(): { stream: string; func: string; task: string | null; line: string }[] {
    const outputs = this.#heard.filter((message) => message.type === "output");
    const others = this.#heard.filter((message) => message.type !== "output");
    this.#heard.splice(0, Infinity, ...others);
    return outputs.flatMap(({ lines, stream, func, task }) =>
      lines.map((line) => ({ stream, func, task, line }))
    );
  }

  /** All that task code has printed, and how many lines were left out. */
  output(): { lines: string[]; dropped: number } {
    const outputs = this.#heard.filter((message) => message.type === "output");
    const dropped = outputs.reduce((sum, output) => sum + output.dropped, 0);
    return { lines: this.lines(), dropped };
  }

  lines(): string[] {
    return this.printed().map(({ line }) => line);
  }

  /** Puts a task's file into the spool; returns its id. */
  put(vars: Record<string, string | Uint8Array>, body: string | Uint8Array = ""): string {
    const packet = encodePacket(varsOf(vars), 17);
    return this.putFile(packet, typeof body === "string" ? new TextEncoder().encode(body) : body);
  }

  putFile(...parts: Uint8Array[]): string {
    const name = `${TASK_PREFIX}test_1_${++this.#names}_7_1_0`;
    const blob = new Uint8Array(parts.flatMap((part) => [...part]));
    Deno.writeFileSync(join(this.spool, name), blob);
    return name;
  }

  give(...tasks: string[]): void {
    for (const task of tasks) this.#handed.add(task);
    this.connection.send({ type: "run", tasks });
  }

  /** Gives it a task that the program has chosen for it. */
  choose(task: string, attempt?: number): void {
    this.#handed.add(task);
    const run = { type: "run", tasks: [task], chosen: true } as const;
    this.connection.send(attempt === undefined ? run : { ...run, attempt });
  }

  /** Answers until `count` tasks are answered. */
  async answers(count: number): Promise<WorkerAnswer[]> {
    const all: WorkerAnswer[] = [];
    while (all.length < count) {
      const heard = (await this.hears("answers")).answers;
      const { answers, fault } = answersTo(
        this.#handed,
        heard,
        (id) => this.#handed.delete(id),
      );
      if (fault !== null) throw new Error(fault);
      all.push(...answers);
    }
    return all;
  }

  /** Runs one task of this function to its answer; lets go of its lock. */
  async run(
    func: string,
    vars: Record<string, string | Uint8Array> = {},
    body: string | Uint8Array = "",
  ): Promise<WorkerAnswer> {
    const task = this.put({ ud_spool_func: func, ...vars }, body);
    this.give(task);
    const [answer] = await this.answers(1);
    this.connection.send({ type: "release", task });
    return answer as WorkerAnswer;
  }

  /** What became of tasks that were run, by the last of their answers. */
  async kinds(...funcs: string[]): Promise<AnswerKind[]> {
    const kinds: AnswerKind[] = [];
    for (const func of funcs) kinds.push((await this.run(func)).kind);
    return kinds;
  }

  exists(task: string): boolean {
    try {
      Deno.lstatSync(join(this.spool, task));
      return true;
    } catch {
      return false;
    }
  }

  /** Resolves when the worker has closed its end and all it said is here. */
  async ended(): Promise<void> {
    await Promise.all(this.reading);
  }

  /** Says stop; the exit code. */
  async stop(): Promise<number> {
    this.connection.send({ type: "stop" });
    return (await this.child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.child.status;
    this.connection.close();
    await this.#stack.disposeAsync();
  }
}

function noCall({ method }: Call): never {
  throw new Error(`the test expects no call: ${method}`);
}
