/** Children of a test, started by libc or by Deno: both behave alike. */

import { type Child, type ChildCommand, startChild } from "../../src/exec/child.ts";
import { isOwnChild } from "../../src/platform/children.ts";
import { spawnCalls } from "../../src/platform/spawn_calls.ts";
import { assert, assertEquals } from "./assert.ts";
import { platform } from "./platform.ts";
import { testWith } from "./require.ts";

export interface Started {
  readonly child: Child;
  /** What it has printed so far. */
  readonly printed: Record<"stdout" | "stderr", string>;
  readonly ended: string[];
}

export type Start = (
  command: Partial<ChildCommand> & { readonly args: readonly string[] },
) => Started;

export function startBy(calls: ReturnType<typeof spawnCalls>): Start {
  return (command) => {
    const printed = { stdout: "", stderr: "" };
    const ended: string[] = [];
    const child = startChild({ file: "/bin/sh", cwd: "/", env: {}, ...command }, {
      take(stream, bytes) {
        printed[stream] += new TextDecoder().decode(bytes);
        return 0;
      },
      end: (stream) => void ended.push(stream),
    }, calls);
    return { child, printed, ended };
  };
}

/** To its end. */
export async function ran({ child, printed, ended }: Started) {
  const end = await child.ended;
  await child.closed;
  await child.fed;
  assert(!isOwnChild(child.pid));
  assertEquals(ended.toSorted(), ["stderr", "stdout"]);
  return { ...end, ...printed };
}

export function testBoth(name: string, body: (start: Start) => Promise<void>): void {
  Deno.test(`${name}, started by Deno`, () => body(startBy(null)));
  testWith("libc", `${name}, started by libc`, () => {
    const calls = spawnCalls();
    assert(platform.libc !== null && calls !== null, "posix_spawn cannot be called");
    return body(startBy(calls));
  });
}

export const sh = (command: string) => ({ args: ["-c", command] });
