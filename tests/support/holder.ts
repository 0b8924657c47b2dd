/**
 * A process that has a task: it claims the file PATH, says `held`, and lets go of it, as it was, when
 * its standard input ends. Argument: PATH.
 */

import { systemClock } from "../../src/platform/clock.ts";
import { platform } from "./platform.ts";

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) throw new TypeError("wants PATH");
  const claim = platform.claims.claim(path, systemClock.now());
  if (claim.kind !== "claimed") throw new Error(`expected a claim, got ${claim.kind}`);
  console.log("held");
  await Deno.stdin.readable.pipeTo(new WritableStream());
  claim.release();
}

export interface Holder {
  /** Lets go of the task; resolves when the process has ended. */
  release(): Promise<void>;
}

/** Resolves when another process has the task. */
export async function holdElsewhere(path: string): Promise<Holder> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", import.meta.filename ?? "", path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const answers = child.stdout.getReader();
  const { done } = await answers.read();
  if (done) throw new Error(`no other process could claim ${path}`);
  return {
    async release() {
      await child.stdin.close();
      await answers.cancel();
      await child.status;
    },
  };
}
