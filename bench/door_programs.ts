/** The programs of bench/door.ts: the real uWSGI, and this one in several forms. */

import { join } from "@std/path";
import { commandLine } from "../tests/support/program.ts";
import { tempDir } from "../tests/support/temp.ts";

export interface DoorProgram {
  readonly name: string;
  /** Tasks of one connection that are on their way together; 0 is a connection each. */
  readonly pipelined: number;
  readonly command: (dir: string) => readonly [file: string, args: readonly string[]];
}

export interface DrainingServer extends AsyncDisposable {
  readonly path: string;
  /** Processor time so far: of the process, and of it and all below it. */
  cpuMs(): { readonly own: number; readonly all: number };
  /** Resolves when all that was put has run. */
  drained(): Promise<void>;
  /** How long after they were sent the tasks of `timed` have begun, once there are so many; milliseconds. */
  delays(count: number): Promise<readonly number[]>;
}

const PIPELINED = 32;
const PATIENCE_MS = 20_000;
const DELAYS = "delays";

/** A function that returns nothing raises an error there, and its task runs again and again. */
const PYTHON = `import os
import time
import uwsgi
from uwsgidecorators import *

delays = os.path.join(os.path.dirname(os.path.abspath(__file__)), "${DELAYS}")

@spool
def quick(arguments):
    return uwsgi.SPOOL_OK

@spool
def timed(arguments):
    began = time.monotonic_ns()
    with open(delays, "a") as file:
        file.write("%d\\n" % (began - int(arguments["sent"])))
    return uwsgi.SPOOL_OK
`;

/** The time is CLOCK_MONOTONIC, as the client has it. */
const TYPESCRIPT = `const { symbols } = Deno.dlopen("libc.so.6", {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});
const now = new BigInt64Array(2);
const delays = import.meta.dirname + "/${DELAYS}";
export const quick = () => {};
export const timed = ({ sent }) => {
  symbols.clock_gettime(1, now);
  const took = now[0] * 1_000_000_000n + now[1] - BigInt(sent);
  Deno.writeTextFileSync(delays, took + "\\n", { append: true });
};
`;

const uwsgi: DoorProgram["command"] = (dir) => {
  Deno.writeTextFileSync(join(dir, "tasks.py"), PYTHON);
  return ["uwsgi", [
    ...["--plugin", "python3,spooler", "--master", "--die-on-term", "--no-orphans"],
    ...["--processes", "1", "--socket", join(dir, "in.sock"), "--spooler", join(dir, "spool")],
    ...["--spooler-quiet", "--disable-logging", "--listen", "1024"],
    ...["--pythonpath", dir, "--import", "tasks"],
  ]];
};

function spooler(...lines: readonly string[]): DoorProgram["command"] {
  return (dir) => {
    const ini = join(dir, "site.ini");
    Deno.writeTextFileSync(join(dir, "tasks.mjs"), TYPESCRIPT);
    const fixed = ["spooler = spool", "socket = in.sock", "spooler-quiet = true"];
    const all = ["[uwsgi]", ...fixed, "spooler-import = tasks.mjs", ...lines, ""];
    Deno.writeTextFileSync(ini, all.join("\n"));
    return commandLine(["--ini", ini]);
  };
}

export const UWSGI = "uWSGI (no sync)";
export const NO_SYNC = "spooler-fsync = false";
export const DURABLE = "durable";
export const KEPT_OPEN = "durable, kept open";

export const PROGRAMS: readonly DoorProgram[] = [
  { name: UWSGI, pipelined: 0, command: uwsgi },
  { name: NO_SYNC, pipelined: 0, command: spooler("spooler-fsync = false") },
  { name: DURABLE, pipelined: 0, command: spooler() },
  { name: KEPT_OPEN, pipelined: PIPELINED, command: spooler() },
];

export async function start({ command }: DoorProgram): Promise<DrainingServer> {
  const temp = await tempDir();
  await Deno.mkdir(join(temp.path, "spool"));
  const [file, args] = command(temp.path);
  const child = new Deno.Command(file, { args: [...args], stdout: "null", stderr: "null" }).spawn();
  const path = join(temp.path, "in.sock");
  await answers(path);
  return {
    path,
    cpuMs: () => cpuMsOf(child.pid),
    drained: () =>
      within(() => {
        const left = [...Deno.readDirSync(join(temp.path, "spool"))]
          .filter(({ name }) => name.startsWith("uwsgi_")).length;
        if (left === 0) return Promise.resolve();
        return Promise.reject(new Error(`${left} tasks have not run`));
      }),
    delays: (count) => readDelays(join(temp.path, DELAYS), count),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await temp[Symbol.asyncDispose]();
    },
  };
}

async function answers(path: string): Promise<void> {
  await within(async () => {
    using _connection = await Deno.connect({ transport: "unix", path });
  });
}

async function readDelays(path: string, count: number): Promise<number[]> {
  return await within(async () => {
    const lines = (await Deno.readTextFile(path)).split("\n").slice(0, -1);
    if (lines.length < count) throw new Error(`${lines.length} of ${count} tasks have run`);
    return lines.map((line) => Number(line) / 1e6);
  });
}

/** Tries until it can be done. */
async function within<T>(act: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    try {
      return await act();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A tick is 10 ms. */
function cpuMsOf(pid: number): { own: number; all: number } {
  let [own, all] = [0, 0];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const isOwn = Number(name) === pid;
      if (!isOwn && Number(fields[1]) !== pid) continue;
      const took = 10 * (Number(fields[11]) + Number(fields[12]));
      all += took;
      if (isOwn) own = took;
    } catch {
      // It has ended.
    }
  }
  return { own, all };
}
