/** The real uWSGI, run by tests that compare with it or talk to it. */

import { join } from "@std/path";
import { PATIENCE_MS, Program } from "./program.ts";

/**
 * Runs a Python script inside uWSGI to its end.
 *
 * @param dir where the script and uWSGI's own socket go
 * @param args more options for uWSGI
 */
export async function runInUwsgi(dir: string, script: string, ...args: string[]): Promise<void> {
  const file = join(dir, "script.py");
  await Deno.writeTextFile(file, script);
  const { success, stderr } = await new Deno.Command("uwsgi", {
    args: ["--plugin", "python3", "--socket", join(dir, "own.sock"), "--pyrun", file, ...args],
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).output();
  if (!success) throw new Error(`uwsgi failed:\n${new TextDecoder().decode(stderr)}`);
}

/**
 * Starts a uWSGI whose Python spooler works through `spool` with the given module. It is imported
 * before the spooler is forked: on a busy machine uWSGI 2.0.21 now and then forgets a
 * `--spooler-import`, and its spooler then runs nothing.
 *
 * @param dir where the module and uWSGI's own socket go
 */
export async function startUwsgiSpooler(
  dir: string,
  spool: string,
  module: string,
): Promise<Program> {
  const file = join(dir, "module.py");
  await Deno.writeTextFile(file, module);
  const program = Program.launch("uwsgi", [
    ...["--plugin", "python3", "--master", "--die-on-term", "--no-orphans"],
    ...["--socket", join(dir, "spooler.sock")],
    ...["--spooler", spool, "--import", file, "--spooler-frequency", "1"],
  ]);
  await program.line(/spawned the uWSGI spooler/);
  return program;
}
