/**
 * `spooler-task`: a task is run by a shell command. Its data reaches the command as environment
 * variables and stdin only, never inside the command line.
 */

import { basename } from "node:path";
import type { TaskCommand } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { ClaimedTask } from "../spool/store.ts";
import type { Answer, Executor, Run } from "./executor.ts";
import { exitText, type ProcessResult, runShell } from "./process.ts";

/** Exit codes with a meaning of their own; 65, 69, 75 and 78 are those of sysexits.h. */
const EXIT_RETRY = 75;
const EXIT_IGNORE = 69;
const EXIT_PERMANENT: readonly number[] = [65, 78, 100];

const BODY_CHUNK = 64 * 1024;

export function commandExecutor(handler: TaskCommand, cwd: string, clock: Clock): Executor {
  return {
    name: handler.name,
    async run(run: Run): Promise<Answer> {
      const result = await runShell({
        command: handler.command,
        cwd,
        env: taskEnvironment(run),
        stdin: bodyChunks(run.task),
        harakiriMs: run.harakiriMs,
        signal: run.signal,
        output: run.output,
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
export function taskEnvironment(run: Run): Record<string, string> {
  const { task } = run;
  const decoder = new TextDecoder();
  const env: Record<string, string> = {};
  for (const { name, value } of [...task.vars, taskNameVar(task)]) {
    const key = decoder.decode(name).toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
    env[`SPOOL_${key}`] = decoder.decode(value).split("\0", 1)[0] ?? "";
  }
  return {
    ...env,
    SPOOLER_TASK: task.name,
    SPOOLER_FUNC: run.func,
    SPOOLER_ATTEMPT: String(run.attempt),
    SPOOLER_DIR: run.dir,
    SPOOLER_FILE: task.path,
  };
}

/** uWSGI adds the name of its file to every task it delivers. */
function taskNameVar(task: ClaimedTask) {
  const encoder = new TextEncoder();
  return {
    name: encoder.encode("spooler_task_name"),
    value: encoder.encode(basename(task.path)),
  };
}

function* bodyChunks(task: ClaimedTask): Generator<Uint8Array> {
  for (let at = 0; at < task.bodySize;) {
    const chunk = new Uint8Array(Math.min(BODY_CHUNK, task.bodySize - at));
    const count = task.readBody(chunk, at);
    if (count === 0) return;
    yield chunk.subarray(0, count);
    at += count;
  }
}
