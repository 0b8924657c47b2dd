/** Clients that run in processes of their own (client.ts), and what they have seen. */

import { quietly } from "../../../src/platform/quietly.ts";
import type { Report } from "./clients.ts";

const CLIENTS = 2;

export class ClientProcesses implements AsyncDisposable {
  readonly accepted = new Set<string>();
  /** Whether each of them runs as soon as its answer is there. */
  areUrgent = true;
  /** What each has said last. */
  readonly #last: Report[] = [];
  readonly #processes: readonly ClientProcess[];

  constructor(port: number) {
    this.#processes = Array.from(
      { length: CLIENTS },
      (_, n) => new ClientProcess(port, String(n + 1)),
    );
  }

  /** Deliveries without a yes. */
  get failures(): number {
    return this.#last.reduce((sum, { failures }) => sum + failures, 0);
  }

  /** Tasks that nobody accepted for a minute, and that were given up. */
  get refusedLong(): number {
    return this.#last.reduce((sum, { refusedLong }) => sum + refusedLong, 0);
  }

  /** The latencies since the last call, in ms. */
  async take(): Promise<readonly number[]> {
    return await this.#ask("take");
  }

  /** Resolves when every task that was begun is accepted. */
  async stop(): Promise<void> {
    await this.#ask("stop");
    await Promise.all(this.#processes.map(({ ended }) => ended));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#processes) each.kill();
    await Promise.all(this.#processes.map(({ ended }) => ended));
  }

  async #ask(what: "take" | "stop"): Promise<readonly number[]> {
    const reports = await Promise.all(this.#processes.map((each) => each.ask(what)));
    this.#last.splice(0, Infinity, ...reports);
    for (const { accepted, isUrgent } of reports) {
      for (const n of accepted) this.accepted.add(n);
      this.areUrgent &&= isUrgent;
    }
    return reports.flatMap(({ latencies }) => latencies);
  }
}

class ClientProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(port: number, name: string) {
    const script = new URL("client.ts", import.meta.url).pathname;
    // A thread that waits for others to collect its garbage would wait for a core.
    const flags = ["--quiet", "-A", "--v8-flags=--single-threaded-gc"];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flags, script, String(port), name],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get ended(): Promise<unknown> {
    return this.#child.status;
  }

  kill(): void {
    quietly(() => this.#child.kill("SIGKILL"));
  }

  async ask(what: "take" | "stop"): Promise<Report> {
    await this.#writer.write(new TextEncoder().encode(`${what}\n`));
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("a client has ended");
      text += value;
    }
    return JSON.parse(text) as Report;
  }
}
