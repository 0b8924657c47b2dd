/** Clients that run in a process of their own (client.ts), and what they have seen. */

import { quietly } from "../../../src/platform/quietly.ts";
import type { Report } from "./clients.ts";

export class ClientProcess implements AsyncDisposable {
  readonly accepted = new Set<string>();
  /** Deliveries without a yes. */
  failures = 0;
  /** Tasks that nobody accepted for a minute, and that were given up. */
  refusedLong = 0;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(port: number) {
    const script = new URL("client.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", script, String(port)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The latencies since the last call, in ms. */
  async take(): Promise<readonly number[]> {
    return await this.#ask("take");
  }

  /** Resolves when every task that was begun is accepted. */
  async stop(): Promise<void> {
    await this.#ask("stop");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    quietly(() => this.#child.kill("SIGKILL"));
    await this.#child.status;
  }

  async #ask(what: "take" | "stop"): Promise<readonly number[]> {
    await this.#writer.write(new TextEncoder().encode(`${what}\n`));
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the clients have ended");
      text += value;
    }
    const report = JSON.parse(text) as Report;
    for (const n of report.accepted) this.accepted.add(n);
    this.failures = report.failures;
    this.refusedLong = report.refusedLong;
    return report.latencies;
  }
}
