/**
 * An edge and workers of a cluster, as a test has them: programs that are killed and started again, a
 * client that numbers its tasks, and a ledger that the tasks write, of which no program knows.
 */

import { join } from "@std/path";
import { decodeHeader, encodePacket, HEADER_SIZE, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { ledgerLines } from "./ledger.ts";
import { Program, type StartOptions } from "./program.ts";
import { varsOf } from "./store.ts";
import { pause } from "./until.ts";

/** A program with one ini, over its lives. */
export class Machine implements AsyncDisposable {
  readonly #earlier: string[] = [];
  #program: Program | null = null;

  private constructor(readonly ini: string, private readonly options: StartOptions) {}

  /** @param files texts of files beside the ini, by their names */
  static async start(
    dir: string,
    lines: readonly string[],
    files: Readonly<Record<string, string>> = {},
    options: StartOptions = {},
  ): Promise<Machine> {
    await Deno.mkdir(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(dir, name), text);
    }
    const ini = join(dir, "site.ini");
    await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
    const machine = new Machine(ini, options);
    await machine.start();
    return machine;
  }

  get program(): Program {
    if (this.#program === null) throw new Error(`${this.ini} does not run`);
    return this.#program;
  }

  /** Of all lives. */
  get log(): string {
    return [...this.#earlier, this.#program?.log ?? ""].join("\n");
  }

  async start(): Promise<void> {
    this.#program = await Program.start(["--ini", this.ini], this.options);
  }

  async kill(): Promise<void> {
    const program = this.#program;
    this.#program = null;
    await program?.kill();
    if (program !== null) this.#earlier.push(program.log);
  }

  /** A friendly stop; returns the exit code. */
  async stop(): Promise<number> {
    return await this.program.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A run of a task, by what it wrote. */
export interface NotedRun {
  readonly n: number;
  readonly machine: string;
  /** Of the wall clock, in milliseconds. */
  readonly at: number;
  /** Of its file there. */
  readonly task: string;
}

/** What ran, in its order. */
export class RunLedger {
  constructor(readonly path: string) {}

  runs(): NotedRun[] {
    return ledgerLines(this.path).map((line) => {
      const [n, machine = "", at, task = ""] = line.split(" ");
      return { n: Number(n), machine, at: Number(at), task };
    });
  }

  /** By the number of the task. */
  byNumber(): Map<number, NotedRun[]> {
    return Map.groupBy(this.runs(), ({ n }) => n);
  }

  has(n: number): boolean {
    return this.runs().some((run) => run.n === n);
  }

  /** A module whose task `note` writes its run. */
  typescript(machine: string): string {
    return `export function note(task: { n: string; spooler_task_name: string }) {
  const line = [task.n, "${machine}", Date.now(), task.spooler_task_name].join(" ") + "\\n";
  Deno.writeTextFileSync(${JSON.stringify(this.path)}, line, { append: true });
}
`;
  }

  python(machine: string): string {
    return `import os, time
from uwsgidecorators import spool
@spool
def note(env):
    name = os.path.basename(env["spooler_task_name"])
    line = "%s ${machine} %d %s\\n" % (env["n"], time.time() * 1000, name)
    ledger = os.open(${JSON.stringify(this.path)}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(ledger, line.encode())
    os.close(ledger)
`;
  }
}

/** After an answer that did not come. */
const RETRY_MS = 20;

export interface SenderOptions {
  readonly port: number;
  readonly clients: number;
  /** Of each client, between two tasks. */
  readonly pauseMs: number;
}

/** Sends tasks to an edge, each until it is accepted, with an id by which the edge knows it again. */
export class TaskSender {
  /** When, by the wall clock, by the number of the task. */
  readonly accepted = new Map<number, number>();
  /** Deliveries without a yes. */
  failures = 0;
  #count = 0;
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(private readonly options: SenderOptions) {
    const clients = Array.from({ length: options.clients }, () => this.#run());
    this.#running = Promise.all(clients);
    this.#running.catch(() => {});
  }

  /** The number of the next task. */
  get next(): number {
    return this.#count + 1;
  }

  /** Resolves when every task that was begun is accepted. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const n = ++this.#count;
      while (!await deliver(this.options.port, n)) {
        this.failures++;
        await pause(RETRY_MS);
      }
      this.accepted.set(n, Date.now());
      await pause(this.options.pauseMs);
    }
  }
}

/** @returns whether it was accepted */
export async function deliver(port: number, n: number): Promise<boolean> {
  const vars = varsOf({ ud_spool_func: "note", n: String(n), spooler_id: `client-${n}` });
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(encodePacket(vars, MODIFIER_SPOOL));
    const answer = new Uint8Array(HEADER_SIZE);
    return await connection.read(answer) === HEADER_SIZE && decodeHeader(answer).modifier2 === 1;
  } catch {
    return false;
  }
}
