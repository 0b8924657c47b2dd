/** A program under siege that is started again after a kill, with its log in one file. */

import { commandLine } from "../../support/program.ts";
import { until } from "../../support/until.ts";

export class Program implements AsyncDisposable {
  #child: Deno.ChildProcess | null = null;

  constructor(private readonly ini: string, readonly logPath: string) {}

  get pid(): number {
    if (this.#child === null) throw new Error("the program does not run");
    return this.#child.pid;
  }

  async start(): Promise<void> {
    const [file, args] = commandLine(["--ini", this.ini]);
    const before = this.logText().split(" ready").length;
    const shell = 'log=$1; shift; exec "$@" 2>>"$log"';
    this.#child = new Deno.Command("sh", {
      args: ["-c", shell, "sh", this.logPath, file, ...args],
      stdin: "null",
      stdout: "null",
      env: { NO_COLOR: "1" },
    }).spawn();
    try {
      await until(() => this.logText().split(" ready").length > before, "the program is ready");
    } catch (error) {
      console.error(this.logText());
      throw error;
    }
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  /** @returns its exit code */
  async stop(): Promise<number> {
    this.#child?.kill("SIGTERM");
    const status = await this.#child?.status;
    this.#child = null;
    return status?.code ?? 0;
  }

  logText(): string {
    try {
      return Deno.readTextFileSync(this.logPath);
    } catch {
      return "";
    }
  }

  /** Resident memory of the program itself, in bytes; 0 when it does not run. */
  memory(): number {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
      return 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
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
