/** The workers of a language as one handler among those of a spool. */

import type { Answer, Executor, Run } from "../exec/executor.ts";
import { taskId } from "../spool/layout.ts";
import type { WorkerAnswer } from "./message.ts";
import type { Pool } from "./pool.ts";

export function poolExecutor(pool: Pool): Executor {
  return {
    name: null,
    processes: null,
    takes(func) {
      const { offer } = pool;
      // Until its modules are known it may be theirs.
      if (offer === null) return "with the rest";
      if (offer.functions.includes(func)) return "by name";
      return offer.catchAll ? "with the rest" : "not";
    },
    async run(run: Run): Promise<Answer> {
      if (pool.isFailing) {
        return { kind: "retry", reason: `${pool.moduleNames} cannot be loaded` };
      }
      if (pool.isApart) return await runApart(pool, run);
      const id = taskId(run.task);
      run.task.release();
      const chosen = await pool.choose(id, run.attempt, { abort: run.signal });
      run.claimedElsewhere(() => chosen?.release());
      return chosen === null ? { kind: "interrupted" } : answerOf(chosen.answer);
    },
  };
}

/** The worker is another user's: it has a copy, and an orphan of it is known by its process. */
async function runApart(pool: Pool, { task, attempt, started, signal }: Run): Promise<Answer> {
  const id = taskId(task);
  if (!id.isWellFormed()) {
    const reason =
      "its name is no UTF-8, and no copy of it can be made for a worker of spooler-uid";
    return { kind: "permanent", reason, stderr: "" };
  }
  const begun = (pid: number) => started?.(pid);
  const chosen = await pool.choose(id, attempt, { kept: { task, begun }, abort: signal });
  chosen?.release();
  return chosen === null ? { kind: "interrupted" } : answerOf(chosen.answer);
}

function answerOf({ kind, reason, stderr }: WorkerAnswer): Answer {
  switch (kind) {
    case "done":
    case "kept":
      return { kind: "done" };
    case "retry":
      return { kind, reason };
    case "failed":
    case "permanent":
      return { kind, reason, stderr };
    case "ignored":
    case "elsewhere":
      return { kind };
    case "gone":
    case "busy":
    case "inspect":
      return { kind: "interrupted" };
    default:
      return kind satisfies never;
  }
}
