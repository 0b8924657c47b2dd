/** A program under siege that is started again after a kill, with its log in one file. */

import { commandLine } from "../../support/program.ts";
import { until } from "../../support/until.ts";
import { quietly } from "../../../src/platform/quietly.ts";

export class Program implements AsyncDisposable {
  /** Ends that nobody asked for; it is started again, as systemd would. */
  deaths = 0;
  #child: Deno.ChildProcess | null = null;
  #restarted: Promise<void> = Promise.resolve();

  constructor(private readonly ini: string, readonly logPath: string) {}

  get pid(): number {
    if (this.#child === null) throw new Error("the program does not run");
    return this.#child.pid;
  }

  async start(): Promise<void> {
    const [file, args] = commandLine(["--ini", this.ini]);
    const before = this.logText().split(" ready").length;
    const shell = 'log=$1; shift; exec "$@" 2>>"$log"';
    const child = this.#child = new Deno.Command("sh", {
      args: ["-c", shell, "sh", this.logPath, file, ...args],
      stdin: "null",
      stdout: "null",
      env: { NO_COLOR: "1" },
    }).spawn();
    void child.status.then(() => {
      if (this.#child !== child) return;
      this.deaths++;
      this.#child = null;
      this.#restarted = this.start();
      // Who stops it gets the error.
      this.#restarted.catch(() => {});
    });
    try {
      await until(() => this.logText().split(" ready").length > before, "the program is ready");
    } catch (error) {
      console.error(this.logText().slice(-10_000));
      throw error;
    }
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** @returns its exit code */
  async stop(): Promise<number> {
    return (await this.#end("SIGTERM"))?.code ?? 0;
  }

  async #end(signal: Deno.Signal): Promise<Deno.CommandStatus | null> {
    await this.#restarted;
    const child = this.#child;
    this.#child = null;
    quietly(() => child?.kill(signal));
    return await child?.status ?? null;
  }

  logText(): string {
    try {
      return Deno.readTextFileSync(this.logPath);
    } catch {
      return "";
    }
  }

  /** Resident memory of the program itself, pages of its file among it, in bytes; 0 when it does not run. */
  memory(): number {
    return this.#statusBytes("VmRSS");
  }

  /** The most since {@link forgetPeak}, or since its start, as the kernel has it. */
  peakMemory(): number {
    return this.#statusBytes("VmHWM");
  }

  forgetPeak(): void {
    // proc(5), /proc/PID/clear_refs.
    quietly(() => Deno.writeTextFileSync(`/proc/${this.pid}/clear_refs`, "5"));
  }

  #statusBytes(field: string): number {
    const status = quietly(() => Deno.readTextFileSync(`/proc/${this.pid}/status`)) ?? "";
    return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {});
  }
}

/** How often each task ran, by the lines that the tasks append to a file. */
export function countRuns(path: string): Map<string, number> {
  const counts = new Map<string, number>();
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return counts;
  }
  for (const n of text.split("\n").slice(0, -1)) counts.set(n, (counts.get(n) ?? 0) + 1);
  return counts;
}

/** A module whose task `count` appends its number to a file. */
export function countingModule(path: string): string {
  return `export function count({ n }) {
    Deno.writeTextFileSync(${JSON.stringify(path)}, n + "\\n", { append: true });
  }
  `;
}
