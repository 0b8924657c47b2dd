/** `spooler python-client DIR`: the modules with which any Python program puts tasks. */

import { join, resolve } from "@std/path";
import { shellWord } from "../platform/shell_word.ts";
import { PYTHON_CLIENT_FILES, writePythonClient } from "../worker/python.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { isThere } from "./there.ts";

/** Where it is, an earlier client of ours is, and is replaced. */
const MARK = "_spooler/outside.py";

export async function pythonClient(args: readonly string[]): Promise<number> {
  const { words: [dir, ...more] } = readArgs("python-client", args, []);
  if (dir === undefined || more.length > 0) {
    throw new UsageError("python-client needs one directory: spooler python-client DIR");
  }
  if (!isThere(join(dir, MARK))) {
    const there = [...PYTHON_CLIENT_FILES.keys()].map((file) => join(dir, file)).find(isThere);
    if (there !== undefined) throw new Error(`${there} exists: nothing was written`);
  }
  await writePythonClient(dir);
  console.log(
    `Wrote uwsgi.py, uwsgidecorators.py and spooler_client.py. For a web process:

  PYTHONPATH=${shellWord(resolve(dir))} SPOOLER_SPOOL=/path/of/the/spool gunicorn …`,
  );
  return 0;
}
