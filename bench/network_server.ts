/** The servers for bench/network.ts: the real uWSGI, and this program, each in its own process. */

import { freePort } from "../tests/support/port.ts";
import { join } from "@std/path";
import { commandLine } from "../tests/support/program.ts";
import { tempDir } from "../tests/support/temp.ts";

export interface Server extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** What this program has by default. */
const BACKLOG = "1024";
const PATIENCE_MS = 10_000;

/** uWSGI with one process; tasks are written and left alone. */
export async function startUwsgi(): Promise<Server> {
  return await start((dir, port) => [
    "uwsgi",
    [
      ...["--plugin", "spooler", "--master", "--die-on-term", "--no-orphans", "--processes", "1"],
      ...["--socket", `127.0.0.1:${port}`, "--spooler-external", join(dir, "spool")],
      ...["--spooler-quiet", "--disable-logging", "--listen", BACKLOG],
    ],
  ]);
}

/** This program; tasks are written and left alone. SPOOLER_EXECUTABLE names one to take. */
export async function startSpooler(...lines: readonly string[]): Promise<Server> {
  return await start((dir, port) => {
    const ini = join(dir, "site.ini");
    const open = [`socket = :${port}`, "spooler-allow = 127.0.0.0/8"];
    const fixed = [...open, "spooler-external = spool"];
    Deno.writeTextFileSync(ini, ["[uwsgi]", ...fixed, ...lines, ""].join("\n"));
    return commandLine(["--ini", ini]);
  });
}

async function start(
  command: (dir: string, port: number) => [file: string, args: string[]],
): Promise<Server> {
  const temp = await tempDir();
  await Deno.mkdir(join(temp.path, "spool"));
  const port = freePort();
  const [file, args] = command(temp.path, port);
  const child = new Deno.Command(file, { args, stdout: "null", stderr: "null" }).spawn();
  await answers(port);
  return {
    port,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await temp[Symbol.asyncDispose]();
    },
  };
}

async function answers(port: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
