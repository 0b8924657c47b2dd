/** Python programs that put tasks with the client, as `spooler python-client` writes it. */

import { join } from "@std/path";
import { writePythonClient } from "../../src/worker/python.ts";
import { PATIENCE_MS } from "./program.ts";
import { testPython } from "./require.ts";
import { type TempDir, tempDir } from "./temp.ts";

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly python?: string;
  /** Fails otherwise. */
  readonly exitCode?: number;
}

export interface ClientProgram extends RunOptions {
  readonly code: string;
  /** Where the client is. */
  readonly lib: string;
  readonly cwd: string;
}

function clientCommand(program: ClientProgram): Deno.Command {
  const { code, lib, cwd, env = {}, python = testPython } = program;
  return new Deno.Command(python, {
    args: ["-c", code],
    cwd,
    env: { PYTHONPATH: lib, PYTHONDONTWRITEBYTECODE: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

/** Runs a program to its end; returns the lines it printed, those of stderr behind the others. */
export async function runClient(program: ClientProgram): Promise<string[]> {
  const { code, stdout, stderr } = await clientCommand(program).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== (program.exitCode ?? 0)) throw new Error(`exit code ${code}:\n${text}`);
  return text.split("\n").slice(0, -1);
}

export class PythonClient implements AsyncDisposable {
  private constructor(readonly temp: TempDir, readonly lib: string, readonly spool: string) {}

  /** A client, and the directory of a spool that no program has prepared. */
  static async make(): Promise<PythonClient> {
    const temp = await tempDir();
    const lib = join(temp.path, "lib");
    const spool = join(temp.path, "spool");
    await writePythonClient(lib);
    await Deno.mkdir(spool);
    return new PythonClient(temp, lib, spool);
  }

  /** Starts a program that the test is to end. */
  start(code: string): Deno.ChildProcess {
    return clientCommand(this.#program(code, {})).spawn();
  }

  #program(code: string, options: RunOptions): ClientProgram {
    const env = { SPOOLER_SPOOL: this.spool, ...options.env };
    return { ...options, code, lib: this.lib, cwd: this.temp.path, env };
  }

  command(code: string, options: RunOptions = {}): Deno.Command {
    return clientCommand(this.#program(code, options));
  }

  /** See {@link runClient}. */
  async run(code: string, options: RunOptions = {}): Promise<string[]> {
    return await runClient(this.#program(code, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.temp[Symbol.asyncDispose]();
  }
}
