/** Programs that a queue needs: started, measured, stopped and killed with all that they started. */

import { quietly, textOf } from "../../src/platform/quietly.ts";
import { descendants, isRunning } from "../../tests/support/processes.ts";
import { pause, until } from "../../tests/support/until.ts";

export interface Program {
  readonly command: readonly string[];
  /** What is asked until the answer is yes. */
  readonly isReady?: (dir: string) => boolean | Promise<boolean>;
}

export interface Place {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

const PATIENCE_MS = 60_000;

/** Runs a command to its end, in the place. */
export async function runIn({ dir, env }: Place, command: readonly string[]): Promise<void> {
  const [file = "", ...args] = command;
  const { success, stderr } = await new Deno.Command(file, { args, cwd: dir, env, stdout: "null" })
    .output();
  if (!success) throw new Error(`${command.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Those that run at a time. */
export class Running {
  readonly #children = new Map<Program, Deno.ChildProcess>();

  constructor(private readonly place: Place) {}

  /** Starts those that do not run, and ends the others. */
  async keep(programs: readonly Program[]): Promise<void> {
    for (const program of this.#children.keys()) {
      if (!programs.includes(program)) await this.#end(program);
    }
    for (const program of programs) {
      if (!this.#children.has(program)) await this.#start(program);
    }
  }

  async #start(program: Program): Promise<void> {
    const { dir, env } = this.place;
    const [file = "", ...args] = program.command;
    const child = new Deno.Command(file, { args, cwd: dir, env, stdout: "null", stderr: "null" })
      .spawn();
    this.#children.set(program, child);
    const isReady = program.isReady ?? (() => true);
    await until(() => isReady(dir), `${file} to be ready`, PATIENCE_MS);
  }

  async #end(program: Program): Promise<void> {
    const child = this.#children.get(program);
    if (child === undefined) return;
    const pids = [...descendants(child.pid), child.pid];
    // uWSGI takes SIGTERM for a reload, and PostgreSQL SIGINT for an end that waits for no client.
    quietly(() => child.kill("SIGINT"));
    await Promise.race([child.status, pause(5000)]);
    await kill(pids);
    await child.status;
    this.#children.delete(program);
  }

  /** All at once, as a power cut would. */
  async killAll(): Promise<void> {
    await kill(this.pids());
    for (const child of this.#children.values()) await child.status;
    this.#children.clear();
  }

  pids(): number[] {
    return [...this.#children.values()].flatMap(({ pid }) => [...descendants(pid), pid]);
  }

  memory(): number {
    return this.pids().reduce((sum, pid) => sum + pssOf(pid), 0);
  }
}

/** Kills them, and waits until they are gone. */
export async function kill(pids: readonly number[]): Promise<void> {
  for (const pid of pids) quietly(() => Deno.kill(pid, "SIGKILL"));
  await until(() => !pids.some(isRunning), "killed processes to be gone", PATIENCE_MS);
}

/** In MiB: memory that several processes share is counted once. */
export function pssOf(pid: number): number {
  const rollup = textOf(`/proc/${pid}/smaps_rollup`) ?? "";
  return Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1] ?? 0) / 1024;
}
