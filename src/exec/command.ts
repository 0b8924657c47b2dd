/**
 * `spooler-task`: a task is run by a shell command. Its data reaches the command as environment
 * variables and stdin only, never inside the command line.
 */

import type { CommandSettings, TaskCommand } from "./settings.ts";
import type { Clock } from "../platform/clock.ts";
import { nameToShow } from "../platform/name.ts";
import { varText } from "../wire/packet.ts";
import type { Answer, Executor, Run } from "./executor.ts";
import { bodyChunks, taskJson } from "./task_json.ts";
import { exitText, type ProcessResult, type RunAs, runShell } from "./process.ts";

/** Exit codes with a meaning of their own; 65, 69, 75 and 78 are those of sysexits.h. */
const EXIT_RETRY = 75;
const EXIT_IGNORE = 69;
const EXIT_PERMANENT: readonly number[] = [65, 78, 100];

/** What the machine refuses for want of descriptors or memory is tried again so soon. */
const SHORTAGE_MS = 1000;

/** The path of its task, in the environment of a command: by it an orphan is found. */
export const TASK_FILE_VARIABLE = "SPOOLER_FILE";

const BODY_CHUNK = 64 * 1024;

/** @param account who runs it; the program's own account when absent */
export function commandExecutor(
  handler: TaskCommand,
  { env, binsh }: CommandSettings,
  clock: Clock,
  account?: RunAs,
): Executor {
  return {
    name: handler.name,
    processes: handler.processes,
    ...(handler.harakiriMs === undefined ? {} : { harakiriMs: handler.harakiriMs }),
    ...(handler.maxRetries === undefined ? {} : { maxRetries: handler.maxRetries }),
    async run(run: Run): Promise<Answer> {
      const result = await runShell({
        command: handler.command,
        binsh,
        ...(account ? { account } : {}),
        cwd: run.cwd,
        env: { ...env, ...taskEnvironment(run) },
        stdin: handler.stdin === "json" ? taskJson(run) : bodyChunks(run.task, BODY_CHUNK),
        harakiriMs: handler.harakiriMs === undefined ? run.harakiriMs : handler.harakiriMs,
        signal: run.signal,
        ...(run.stopping ? { stopping: run.stopping } : {}),
        started(pid) {
          run.started?.(pid);
          // The environment of another user's process cannot always be read.
          if (account) run.lasts?.(pid);
        },
        ...(account ? {} : { lasts: (pid) => run.lasts?.(pid) }),
        output: run.output,
        dropped: run.dropped,
        ...(run.overflow ? { overflow: run.overflow } : {}),
        clock,
      });
      return answerOf(result);
    },
  };
}

/** The table of DESIGN's outcomes for commands: what an exit means. */
export function answerOf({ exit, stderr }: ProcessResult): Answer {
  if (exit.kind === "aborted") return { kind: "interrupted" };
  const reason = exitText(exit);
  if (exit.kind === "not started" && exit.isShortage) {
    return { kind: "unavailable", reason, retryMs: SHORTAGE_MS };
  }
  if (exit.kind !== "code") return { kind: "failed", reason, stderr };
  if (exit.code === 0) return { kind: "done" };
  if (exit.code === EXIT_RETRY) return { kind: "retry", reason };
  if (exit.code === EXIT_IGNORE) return { kind: "ignored" };
  if (EXIT_PERMANENT.includes(exit.code)) return { kind: "permanent", reason, stderr };
  return { kind: "failed", reason, stderr };
}

/**
 * The variables a command sees: `SPOOL_<KEY>` for every key of the task, and `SPOOLER_…` for what
 * this program knows. A value ends at its first NUL; bytes that are no UTF-8 become U+FFFD.
 */
function taskEnvironment(run: Run): Record<string, string> {
  const { task } = run;
  const env: Record<string, string> = {};
  for (const { name, value } of task.vars) {
    env[`SPOOL_${variableName(varText(name))}`] = varText(value).split("\0", 1)[0] ?? "";
  }
  const shown = nameToShow(task.name);
  // uWSGI adds the name of its file to every task it delivers.
  env.SPOOL_SPOOLER_TASK_NAME = shown;
  env.SPOOLER_TASK = shown;
  env.SPOOLER_FUNC = run.func;
  env.SPOOLER_ATTEMPT = String(run.attempt);
  env.SPOOLER_DIR = run.dir;
  env[TASK_FILE_VARIABLE] = nameToShow(task.path);
  return env;
}

function variableName(key: string): string {
  return key.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}
