/**
 * Attackers that go on until they are stopped, each in a process of its own. They get the time that is left
 * of the processors: attackers have machines of their own, and what they compute is no delay of the program.
 */

import { quietly } from "../../../src/platform/quietly.ts";
import { pause } from "../../support/until.ts";
import type { Address } from "./target.ts";

/** Before the next takes the place of one that died. */
const REPLACED_AFTER_MS = 1000;
/** For the end of those that have stopped. */
const END_MS = 30_000;

export class Attackers implements AsyncDisposable {
  /** Of those that died before they were stopped; others took their places. */
  deaths = 0;
  readonly #open = new Set<Deno.ChildProcess>();
  readonly #playing: readonly Promise<number>[];
  #isOver = false;

  constructor(numbers: readonly number[], address: Address) {
    this.#playing = numbers.map((number) => this.#play(number, address));
  }

  /** @returns how many streams were played */
  async #play(number: number, address: Address): Promise<number> {
    let streams = 0;
    while (!this.#isOver) {
      const child = spawn(number, address);
      this.#open.add(child);
      const { stdout } = await child.output();
      this.#open.delete(child);
      streams += Number(new TextDecoder().decode(stdout)) || 0;
      if (this.#isOver) break;
      this.deaths++;
      await pause(REPLACED_AFTER_MS);
    }
    return streams;
  }

  /** @returns how many streams were played, but for those of attackers that died */
  async stop(): Promise<number> {
    this.#isOver = true;
    for (const child of this.#open) child.stdin.close().catch(() => {});
    const timer = setTimeout(() => {
      for (const child of this.#open) quietly(() => child.kill("SIGKILL"));
    }, END_MS);
    const counts = await Promise.all(this.#playing);
    clearTimeout(timer);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function spawn(number: number, address: Address): Deno.ChildProcess {
  const script = new URL("attacker.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--quiet", "-A", script];
  return new Deno.Command("nice", {
    args: ["-n", "19", ...command, String(number), JSON.stringify(address)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}
