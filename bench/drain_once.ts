/**
 * One process that drains a spool with this program's dispatcher and prints what it measured as one
 * line of JSON. Arguments: SPOOL COUNT HANDLER, where HANDLER is `none` (a function that does
 * nothing) or a shell command.
 */

import { commandExecutor } from "../src/exec/command.ts";
import { systemClock } from "../src/platform/clock.ts";
import { startDispatcher, succeeding } from "../tests/support/dispatcher.ts";

export interface Drained {
  /** From the start of the process to the start of the first task. */
  readonly firstMs: number;
  /** From the start of the first task to the end of the last. */
  readonly drainMs: number;
  /** The most memory the process ever had, in MiB; null where /proc does not say. */
  readonly peakMiB: number | null;
}

export function peakMiB(): number | null {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
  } catch {
    return null;
  }
}

/** What the program uses when the ini says nothing. */
const DEFAULT_FREQUENCY_MS = 30_000;

if (import.meta.main) {
  const [spool, countText, handler] = Deno.args;
  if (spool === undefined || handler === undefined) throw new TypeError("SPOOL COUNT HANDLER");
  const count = Number(countText);
  const executor = handler === "none" ? succeeding(() => {}) : commandExecutor(
    {
      name: null,
      command: handler,
      place: { file: "bench", line: 1 },
      user: null,
      stdin: "body",
      processes: null,
    },
    { env: {}, binsh: "/bin/sh" },
    systemClock,
  );
  let firstAt: number | null = null;
  let settled = 0;
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  const dispatcher = await startDispatcher(
    spool,
    [executor],
    {
      processes: handler === "none" ? 1 : navigator.hardwareConcurrency,
      frequencyMs: DEFAULT_FREQUENCY_MS,
    },
    ({ type }) => {
      if (type === "task.started") firstAt ??= performance.now();
      else if (type === "task.settled" && ++settled === count) resolve();
    },
  );
  await drained;
  const drainMs = performance.now() - (firstAt ?? 0);
  await dispatcher.stop();
  const result: Drained = { firstMs: firstAt ?? 0, drainMs, peakMiB: peakMiB() };
  console.log(JSON.stringify(result));
}

/** Starts such a process and waits for what it measured. */
export async function drainOnce(spool: string, count: number, handler: string): Promise<Drained> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", import.meta.filename ?? "", spool, String(count), handler],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as Drained;
}
