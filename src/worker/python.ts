/**
 * The Python side of a task worker: its source travels inside this program and is written where
 * python3 can read it.
 */

import { dirname, join } from "@std/path";
import type { WorkerCommand } from "./process.ts";
import type { PythonConfig } from "./settings.ts";

/** Below workers/python/, which `deno compile --include` puts into the executable. */
export const PYTHON_FILES = [
  "__main__.py",
  "uwsgi.py",
  "uwsgidecorators.py",
  "_spooler/__init__.py",
  "_spooler/absent.py",
  "_spooler/began.py",
  "_spooler/channel.py",
  "_spooler/claim.py",
  "_spooler/descriptors.py",
  "_spooler/loader.py",
  "_spooler/messages.py",
  "_spooler/origin.py",
  "_spooler/output.py",
  "_spooler/own.py",
  "_spooler/packet.py",
  "_spooler/raised.py",
  "_spooler/scheduled.py",
  "_spooler/signals.py",
  "_spooler/spooling.py",
  "_spooler/state.py",
  "_spooler/tasks.py",
  "_spooler/without_effect.py",
  "_spooler/worker.py",
] as const;

const SOURCE = new URL("../../workers/python/", import.meta.url);

/**
 * Writes the worker below `dir`, which only this user may be able to write to.
 *
 * @returns the directory that {@link pythonCommand} needs
 */
export async function writePythonFiles(dir: string): Promise<string> {
  const shim = join(dir, "python");
  for (const file of PYTHON_FILES) {
    const target = join(shim, file);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, await Deno.readTextFile(new URL(file, SOURCE)));
  }
  return shim;
}

/**
 * How a worker is started; it also needs SPOOLER_SOCKET.
 *
 * @param shim what {@link writePythonFiles} returned
 * @param baseDir the ini's directory, where modules are searched last
 */
export function pythonCommand(
  python: PythonConfig,
  shim: string,
  baseDir: string,
): Pick<WorkerCommand, "file" | "args"> {
  return {
    file: python.command,
    args: [shim, ...python.paths.flatMap((path) => ["--path", path]), "--base", baseDir],
  };
}
