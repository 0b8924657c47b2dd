/** How a worker of each language is started. */

import type { Config, SpoolConfig, TaskModule } from "../config/config.ts";
import type { WorkerCommand } from "./process.ts";

/** Known to src/cli/main.ts; no command of people. */
export const WORKER_FLAG = "--task-worker";

export type Language = TaskModule["language"];

/** @throws {Error} when there is no way to start one */
export function workerCommand(
  language: Language,
  config: Config,
  spool: SpoolConfig,
): WorkerCommand {
  switch (language) {
    case "javascript":
      return { ...thisProgram(), cwd: spool.cwd, env: config.env };
    case "python":
      throw new Error("Python modules cannot be run yet");
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
