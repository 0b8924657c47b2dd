/**
 * Whole programs that drain a spool with functions that do nothing: uWSGI, and this one. Each
 * process notes when its first task began; the end is when the directory is seen to be empty.
 */

import { commandLine } from "../tests/support/program.ts";
import { list } from "../src/platform/dirents.ts";
import { AT_FDCWD } from "../src/platform/linux.ts";
import { existsSync } from "node:fs";
import { join } from "@std/path";
import { TASK_PREFIX } from "../src/spool/layout.ts";
import { platform } from "../tests/support/platform.ts";

/** A directory with `spool/` in it, full of tasks. */
export interface Drain {
  readonly dir: string;
  readonly processes: number;
  /** More lines of our ini. */
  readonly lines?: readonly string[];
}

/** Debian's uWSGI plugin runs this one; another, or another build of it, is faster or slower. */
export const UWSGI_PYTHON = "/usr/bin/python3";

const POLL_MS = 5;
const PATIENCE_MS = 900_000;

const PYTHON = (dir: string) => `
import os, time, uwsgi
from uwsgidecorators import spool
first = None
@spool
def noop(env):
    global first
    if first is None:
        first = time.time()
        with open(os.path.join(${JSON.stringify(dir)}, "first-%d" % os.getpid()), "w") as out:
            print(first * 1000, file=out)
    return uwsgi.SPOOL_OK
`;

const TYPESCRIPT = (dir: string) => `
let first: number | null = null;
export function noop(): number {
  if (first === null) {
    first = Date.now();
    Deno.writeTextFileSync(\`${dir}/first-\${Deno.pid}\`, String(first));
  }
  return uwsgi.SPOOL_OK;
}
`;

/** Milliseconds that uWSGI's Python spooler takes. */
export async function drainWithUwsgi({ dir, processes }: Drain): Promise<number> {
  const module = join(dir, "module.py");
  Deno.writeTextFileSync(module, PYTHON(dir));
  return await timed(dir, "uwsgi", [
    ...["--plugin", "python3", "--master", "--no-orphans", "--spooler-quiet"],
    ...["--socket", join(dir, "own.sock"), "--spooler", join(dir, "spool"), "--import", module],
    ...["--spooler-frequency", "1", "--spooler-processes", String(processes)],
  ]);
}

/** Milliseconds that this program takes: its executable when SPOOLER_EXECUTABLE names one. */
export async function drainWithOurs(
  { dir, processes, lines = [] }: Drain,
  language: "typescript" | "python",
): Promise<number> {
  const module = language === "python" ? "module.py" : "module.ts";
  const code = language === "python" ? PYTHON(dir) : TYPESCRIPT(dir);
  Deno.writeTextFileSync(join(dir, module), code);
  const ini = join(dir, "site.ini");
  Deno.writeTextFileSync(
    ini,
    `[uwsgi]
spooler = spool
spooler-import = ${module}
python = ${UWSGI_PYTHON}
spooler-processes = ${processes}
spooler-quiet = true
${lines.join("\n")}
`,
  );
  return await timed(dir, ...commandLine(["--ini", ini]));
}

async function timed(dir: string, file: string, args: string[]): Promise<number> {
  const child = new Deno.Command(file, { args, stdout: "null", stderr: "null" }).spawn();
  try {
    const endedAt = await whenEmpty(join(dir, "spool"));
    const starts = [...Deno.readDirSync(dir)].filter(({ name }) => name.startsWith("first-"))
      .map(({ name }) => Number(Deno.readTextFileSync(join(dir, name))));
    return endedAt - Math.min(...starts);
  } finally {
    child.kill(file === "uwsgi" ? "SIGQUIT" : "SIGTERM");
    await child.status;
  }
}

/**
 * Waits until no task is there.
 *
 * @param last the task that probably ends last
 * @returns when that was, in milliseconds since the epoch
 */
export async function whenEmpty(spool: string, last: string | null = null): Promise<number> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let task = last ?? someTask(spool); task !== null; task = someTask(spool)) {
    // To see that one file is still there disturbs less than to read the directory.
    while (existsSync(join(spool, task))) {
      if (Date.now() > deadline) throw new Error(`${spool} is not drained`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  return Date.now();
}

/** Looks at no more of the directory than it must; of what it sees, the last. */
function someTask(spool: string): string | null {
  const fd = platform.libc?.openDirectory(AT_FDCWD, spool) ?? -1;
  for (
    const entries of platform.libc && fd >= 0 ? list(platform.libc, fd) : [Deno.readDirSync(spool)]
  ) {
    const names = [...entries].map(({ name }) => name);
    const last = names.findLast((name) => name.startsWith(TASK_PREFIX));
    if (last !== undefined) return last;
  }
  return null;
}

/** Debian has uwsgidecorators in a package of its own; without it no task would ever be done. */
const FIND_DECORATORS = "import importlib.util as i; exit(i.find_spec('uwsgidecorators') is None)";

export const hasUwsgi = () =>
  works("uwsgi", "--plugin", "python3", "--version") && works(UWSGI_PYTHON, "-c", FIND_DECORATORS);
export const hasPython = () => works(UWSGI_PYTHON, "--version");

function works(file: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(file, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
