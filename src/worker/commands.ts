/** How a worker of each language is started. */

import type { SpoolConfig } from "../queue/settings.ts";
import { type Account, accountHome, accountName } from "../schedule/account.ts";
import type { WorkerCommand } from "./process.ts";
import { pythonCommand, writePythonFiles } from "./python.ts";
import { WORKER_FLAG } from "./flag.ts";
import type { TaskModule, WorkersConfig } from "./settings.ts";

export type Language = TaskModule["language"];

/**
 * @param scratch a directory of this user alone, for files that a worker needs
 * @param account who runs it; the program's own account when absent
 * @throws {Deno.errors} when they cannot be written
 */
export async function workerCommand(
  language: Language,
  config: WorkersConfig,
  spool: SpoolConfig,
  scratch: string,
  account?: Account,
): Promise<WorkerCommand> {
  const env = { ...accountHome(account), ...config.env, ...accountName(account) };
  const who = { cwd: spool.cwd, env, ...(account ? { account } : {}) };
  switch (language) {
    case "javascript":
      return { ...thisProgram(), ...who };
    case "python": {
      const shim = await writePythonFiles(scratch);
      return { ...pythonCommand(config.python, shim, config.baseDir), ...who };
    }
    default:
      return language satisfies never;
  }
}

const PERMISSIONS = ["read", "write", "net", "run", "env", "sys", "ffi", "import"];

/** This very program again: the executable, or its source by the same Deno. */
function thisProgram(): { file: string; args: string[] } {
  const file = Deno.execPath();
  if (Deno.build.standalone) return { file, args: [WORKER_FLAG] };
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const allow = PERMISSIONS.map((each) => `--allow-${each}`);
  return { file, args: ["run", "--quiet", "--no-prompt", ...allow, main, WORKER_FLAG] };
}
