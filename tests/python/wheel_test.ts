/** `deno task package:python`: the wheel is installed into a virtual environment, and puts a task. */

import { join } from "@std/path";
import { writeWheel } from "../../.ci/python_wheel.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { testPython, testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

async function run(file: string, args: string[], env: Record<string, string> = {}) {
  const { success, stdout, stderr } = await new Deno.Command(file, { args, env }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `${file} ${args.join(" ")}\n${out}${errors}`);
  return out ?? "";
}

testWith(
  "pip",
  "pip installs the wheel into a fresh environment",
  async () => {
    await using temp = await tempDir();
    const wheel = await writeWheel(temp.path);
    assertEquals(
      await Deno.readFile(await writeWheel(join(temp.path, "again"))),
      await Deno.readFile(wheel),
    );
    const venv = join(temp.path, "venv");
    await run(testPython, ["-m", "venv", "--without-pip", venv]);
    const python = join(venv, "bin", "python");
    const pip = (...args: string[]) =>
      run(testPython, ["-m", "pip", "--python", python, "--disable-pip-version-check", ...args]);
    await pip("install", "--no-index", "--quiet", wheel);
    const spool = join(temp.path, "spool");
    await Deno.mkdir(spool);
    const code = `
from uwsgidecorators import spool
import spooler_client
@spool
def job(env): pass
print(spooler_client.status(job.spool(a="b")).state)
`;
    const env = { SPOOLER_SPOOL: spool };
    assertEquals(await run(python, ["-c", code], env), "ready\n");
  },
);
