/** All that is known of one task, for people and programs. @pure */

import type { Inspected } from "../spool/inspected.ts";
import { isSecretName, MASK } from "./secrets.ts";
import { jsonBytes } from "./shown_bytes.ts";
import type { ReachedLimit } from "./snapshot.ts";
import { isoText, summaryJson, summaryOf } from "./task_summary.ts";

/** A variable whose name says that it is a secret has no value here. */
export function withoutSecretValues(task: Inspected): Inspected {
  const { content } = task;
  if (content.kind !== "task") return task;
  const vars = content.vars.map((each) =>
    hidesValue(textOf(each.name)) && each.value.length > 0
      ? { ...each, value: new TextEncoder().encode(MASK) }
      : each
  );
  return { ...task, content: { ...content, vars } };
}

/** A variable that is called `key` and nothing else is one of a cache or a table. */
const hidesValue = (name: string) => isSecretName(name) && name !== "key";

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/**
 * All of a task in one value for programs.
 *
 * @param spool as it is to be named
 * @param limit that it waits for
 */
export function taskJson(
  task: Inspected,
  spool: string,
  now: number,
  limit: ReachedLimit | null,
): object {
  const { content, attempts, state } = task;
  return {
    ...summaryJson(summaryOf(task), spool, now),
    waitsForLimit: limit,
    path: task.path,
    vars: content.kind === "task"
      ? content.vars.map(({ name, value }) => ({
        ...jsonBytes("key", name),
        ...jsonBytes("value", value),
      }))
      : null,
    unreadable: content.kind === "unreadable" ? content.reason : null,
    history: attempts && {
      failures: attempts.failures,
      firstFailureAt: isoText(attempts.firstFailureAt),
      lastFailureAt: isoText(attempts.lastFailureAt),
      reason: attempts.reason,
      stderr: attempts.stderr,
      crashes: attempts.crashes ?? 0,
    },
    failed: state.kind === "failed" && state.record
      ? { at: isoText(state.record.failedAt), reason: state.record.reason }
      : null,
  };
}
