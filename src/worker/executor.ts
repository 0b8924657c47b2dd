/** The workers of a language as one handler among those of a spool. */

import type { Answer, Executor, Run } from "../exec/executor.ts";
import { taskId } from "../spool/layout.ts";
import type { TaskAnswer } from "./message.ts";
import type { Pool } from "./pool.ts";

export function poolExecutor(pool: Pool): Executor {
  return {
    name: null,
    processes: null,
    takes(func) {
      const { loaded } = pool;
      // Until its modules are known it may be theirs.
      if (loaded === null) return "with the rest";
      if (loaded.functions.includes(func)) return "by name";
      return loaded.catchAll ? "with the rest" : "not";
    },
    async run(run: Run): Promise<Answer> {
      if (pool.isFailing) {
        return { kind: "retry", reason: `${pool.moduleNames} cannot be loaded` };
      }
      const id = taskId(run.task);
      run.task.release();
      const answer = await pool.choose(id, run.attempt);
      run.claimedElsewhere(() => pool.release(id));
      return answerOf(answer);
    },
  };
}

function answerOf({ kind, reason, stderr }: TaskAnswer): Answer {
  switch (kind) {
    case "done":
      return { kind };
    case "retry":
      return { kind, reason };
    case "failed":
    case "permanent":
      return { kind, reason, stderr };
    case "ignored":
    case "elsewhere":
      return { kind: "ignored" };
    case "gone":
    case "busy":
    case "look":
    case "withdrawn":
      return { kind: "interrupted" };
    default:
      return kind satisfies never;
  }
}
