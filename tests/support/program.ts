/**
 * The program as a process: the compiled executable when SPOOLER_EXECUTABLE names one, else this
 * source. Waiting is for lines of the log, never for time.
 */

import { resolve } from "@std/path";

/** How long anything may take before a test gives up. */
export const PATIENCE_MS = 30_000;

export const executable: string | undefined = Deno.env.get("SPOOLER_EXECUTABLE");
const root = new URL("../../", import.meta.url).pathname;

/** For the names of tests: which of the two is under test. */
export const programLabel = executable ? "executable" : "source";

/** What to start for `spooler ARGS`: the file, and its arguments. */
export function commandLine(args: readonly string[], file = executable): [string, string[]] {
  return file
    ? [resolve(file), [...args]]
    : [Deno.execPath(), ["run", "--quiet", "--allow-all", `${root}main.ts`, ...args]];
}

/** A script that is `spooler` on the PATH of a shell, or wherever its arguments go. @param before lines of a shell */
export async function writeWrapper(path: string, before = ""): Promise<void> {
  const [file, args] = commandLine([]);
  const words = [file, ...args].map((word) => `'${word}'`).join(" ");
  const text = `#!/bin/sh\n${before}exec ${words} "$@"\n`;
  await Deno.writeTextFile(path, text, { mode: 0o755 });
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the program to its end. */
export async function spooler(
  args: readonly string[],
  stdin = "",
  env: Record<string, string> = {},
): Promise<Output> {
  const [file, argv] = commandLine(args);
  const child = new Deno.Command(file, {
    args: argv,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export interface StartOptions {
  /** Another file to start than the program under test. */
  readonly file?: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** The line that says it has begun its work; `ready` when it is not given. */
  readonly begun?: RegExp;
}

/** A running program and its log. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #reading: Promise<void>;
  #wake: () => void = () => {};
  #ended = false;

  private constructor(command: [string, string[]], options: StartOptions) {
    const [file, args] = command;
    this.#child = new Deno.Command(file, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      ...(options.cwd ? { cwd: options.cwd } : {}),
      env: { NO_COLOR: "1", ...options.env },
    }).spawn();
    this.#reading = this.#read();
  }

  /** Starts `spooler ARGS` and waits until it says that it has begun. */
  static async start(args: readonly string[], options: StartOptions = {}): Promise<Program> {
    const program = new Program(commandLine(args, options.file ?? executable), options);
    try {
      await program.line(options.begun ?? / ready$/);
    } catch (error) {
      await program.kill();
      throw error;
    }
    return program;
  }

  /** Starts any program whose stderr is a log. */
  static launch(file: string, args: string[], options: StartOptions = {}): Program {
    return new Program([file, args], options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get log(): string {
    return this.#lines.join("\n");
  }

  async #read(): Promise<void> {
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    let rest = "";
    for await (const chunk of text) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      this.#lines.push(...parts);
      this.#wake();
    }
    if (rest !== "") this.#lines.push(rest);
    this.#ended = true;
    this.#wake();
  }

  /** Waits for a line of the log that matches; `count` of them when more are wanted. */
  async line(pattern: RegExp, count = 1, patienceMs = PATIENCE_MS): Promise<string> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#wake();
    }, patienceMs);
    try {
      while (true) {
        const found = this.#lines.filter((line) => pattern.test(line));
        if (found.length >= count) return found.at(-1) ?? "";
        if (this.#ended || timedOut) {
          const why = this.#ended ? "the program ended" : "it took too long";
          throw new Error(`no line like ${pattern} in the log: ${why}\n${this.log}`);
        }
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for its end; returns its exit code. */
  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  /** Sends a signal again and again, until the program has heard and ended; returns its exit code. */
  async insist(signal: Deno.Signal): Promise<number> {
    const again = setInterval(() => {
      try {
        this.#child.kill(signal);
      } catch {
        // It has just ended.
      }
    }, 100);
    try {
      return await this.ended();
    } finally {
      clearInterval(again);
    }
  }

  /** A friendly stop; returns the exit code. */
  async stop(): Promise<number> {
    this.signal("SIGTERM");
    return await this.ended();
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It is gone already.
    }
    await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
