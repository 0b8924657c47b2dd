/** Queues of commands: a process of theirs for each task that is put, and no daemon that is set up. */

import { join } from "@std/path";
import { quietly, textOf } from "../../src/platform/quietly.ts";
import { isRunning } from "../../tests/support/processes.ts";
import { tempDir } from "../../tests/support/temp.ts";
import { until } from "../../tests/support/until.ts";
import { type Figures, LATENCIES, MARKS, survivors } from "./figures.ts";
import { kill, pssOf, runIn } from "./programs.ts";

export interface CommandQueue {
  readonly name: string;
  readonly put: readonly string[];
}

export const COMMAND_QUEUES: readonly CommandQueue[] = [
  { name: "nq", put: ["nq"] },
  { name: "task-spooler", put: ["tsp"] },
];

const PUTS = 200;

export function hasCommandQueue({ put: [file = ""] }: CommandQueue): boolean {
  return quietly(() =>
    new Deno.Command("which", { args: [file], stdout: "null" }).outputSync().success
  ) ?? false;
}

export async function measureCommands({ name, put }: CommandQueue): Promise<Figures> {
  await using temp = await tempDir();
  const dir = temp.path;
  const place = { dir, env: { NQDIR: dir, TS_SOCKET: join(dir, "tsp.sock"), TMPDIR: dir } };
  const queue = (...command: string[]) => runIn(place, [...put, ...command]);
  const lines = (file: string) => (textOf(join(dir, file)) ?? "").split("\n").filter(Boolean);
  /** Theirs are those that are in the directory. */
  const pids = () =>
    [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) =>
      pid > 0 && quietly(() => Deno.readLinkSync(`/proc/${pid}/cwd`)) === dir && isRunning(pid)
    );
  const append = (file: string, text: string) => ["sh", "-c", `echo ${text} >> ${file}`];
  try {
    const begin = performance.now();
    for (let n = 0; n < PUTS; n++) await queue("true");
    const putRate = PUTS / ((performance.now() - begin) / 1000);
    await queue(...append("drained", "yes"));
    await until(() => lines("drained").length > 0, `${name} to drain`, 60_000);
    const latenciesMs: number[] = [];
    for (let n = 1; n <= LATENCIES; n++) {
      const sentAt = performance.timeOrigin + performance.now();
      await queue(...append("stamps", "$(date +%s%N)"));
      await until(() => lines("stamps").length === n, "a task to start", 60_000);
      latenciesMs.push(Number(lines("stamps").at(-1)) / 1e6 - sentAt);
    }
    const idle = pids();
    const memory = idle.reduce((sum, pid) => sum + pssOf(pid), 0);
    await queue("sleep", "5");
    for (let n = 0; n < MARKS; n++) await queue(...append("marks", String(n)));
    await kill(pids());
    await queue("true");
    const survived = await survivors(() => new Set(lines("marks")).size);
    const figures = { name, putRate, drainRate: null, latenciesMs, memory, survived };
    return { ...figures, processes: idle.length };
  } finally {
    await kill(pids());
  }
}
