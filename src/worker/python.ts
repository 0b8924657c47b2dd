/**
 * The Python side of a task worker: its source travels inside this program and is written where
 * python3 can read it.
 */

import { dirname, join } from "@std/path";
import type { WorkerCommand } from "./process.ts";
import type { PythonConfig } from "./settings.ts";

/** What a worker and a client have in common. */
const SHARED_FILES = [
  "spooler_client.py",
  "_spooler/__init__.py",
  "_spooler/absent.py",
  "_spooler/after.py",
  "_spooler/call_failed.py",
  "_spooler/configured.py",
  "_spooler/dial.py",
  "_spooler/disk.py",
  "_spooler/everywhere.py",
  "_spooler/in_thread.py",
  "_spooler/json_values.py",
  "_spooler/messages.py",
  "_spooler/new_task.py",
  "_spooler/own.py",
  "_spooler/packet.py",
  "_spooler/peer.py",
  "_spooler/peer_connection.py",
  "_spooler/put_errors.py",
  "_spooler/raised.py",
  "_spooler/scheduled.py",
  "_spooler/signing.py",
  "_spooler/spool_directory.py",
  "_spooler/spooling.py",
  "_spooler/state.py",
  "_spooler/target.py",
  "_spooler/task_status.py",
  "_spooler/unique.py",
  "_spooler/without_effect.py",
] as const;

/** Below workers/python/, which `deno compile --include` puts into the executable. */
export const PYTHON_FILES = [
  "__main__.py",
  "uwsgi.py",
  "uwsgidecorators.py",
  ...SHARED_FILES,
  "_spooler/began.py",
  "_spooler/channel.py",
  "_spooler/claim.py",
  "_spooler/descriptors.py",
  "_spooler/loader.py",
  "_spooler/origin.py",
  "_spooler/output.py",
  "_spooler/signals.py",
  "_spooler/tasks.py",
  "_spooler/worker.py",
] as const;

/** For processes that are no workers: each file, and which of workers/python/ it is. */
export const PYTHON_CLIENT_FILES: ReadonlyMap<string, string> = new Map<string, string>([
  ["uwsgi.py", "outside/uwsgi.py"],
  ["uwsgidecorators.py", "outside/uwsgidecorators.py"],
  ["_spooler/uwsgidecorators.py", "uwsgidecorators.py"],
  ["_spooler/outside.py", "_spooler/outside.py"],
  ...SHARED_FILES.map((file): [string, string] => [file, file]),
]);

const SOURCE = new URL("../../workers/python/", import.meta.url);

/**
 * Writes the worker below `dir`, which only this user may be able to write to.
 *
 * @returns the directory that {@link pythonCommand} needs
 */
export async function writePythonFiles(dir: string): Promise<string> {
  const shim = join(dir, "python");
  await writeFiles(shim, PYTHON_FILES.map((file) => [file, file]));
  return shim;
}

/** Writes what a web process imports: the modules spooler_client, uwsgi and uwsgidecorators. */
export async function writePythonClient(dir: string): Promise<void> {
  await writeFiles(dir, PYTHON_CLIENT_FILES);
}

async function writeFiles(
  dir: string,
  files: Iterable<readonly [target: string, source: string]>,
): Promise<void> {
  for (const [file, source] of files) {
    const target = join(dir, file);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, await Deno.readTextFile(new URL(source, SOURCE)));
  }
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
