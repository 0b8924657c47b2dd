/** What the program shows of tasks and their runs, without secrets: keys, and what went wrong. @pure */

import type { Found } from "../history/reader.ts";
import { asText } from "../report/shown_bytes.ts";
import { withoutSecretValues } from "../report/task_details.ts";
import type { Inspected, ListedState } from "../spool/inspected.ts";
import type { Attempts } from "../spool/task.ts";
import type { SiteParts } from "./parts.ts";

/** Takes secrets out of a text. */
type MaskText = SiteParts["mask"];

export function maskedTask(task: Inspected, mask: MaskText): Inspected {
  const { content, attempts, state } = withoutSecretValues(task);
  const encoder = new TextEncoder();
  const masked = (bytes: Uint8Array<ArrayBuffer>) => {
    const text = asText(bytes);
    const shown = text === null ? null : mask(text);
    return shown === null || shown === text ? bytes : encoder.encode(shown);
  };
  return {
    ...task,
    state: maskedState(state, mask),
    attempts: attempts && maskedAttempts(attempts, mask),
    content: content.kind === "unreadable" ? content : {
      ...content,
      vars: content.vars.map(({ name, value }) => ({ name, value: masked(value.slice()) })),
    },
  };
}

export function maskedRun<R extends Found>(run: R, mask: MaskText): R {
  const { entry } = run;
  if ("job" in entry) return { ...run, entry: { ...entry, result: mask(entry.result) } };
  return { ...run, entry: { ...entry, reason: entry.reason && mask(entry.reason) } };
}

function maskedState(state: ListedState, mask: MaskText): ListedState {
  if (state.kind !== "failed" || state.record === null) return state;
  const { record } = state;
  const attempts = record.attempts && maskedAttempts(record.attempts, mask);
  return { ...state, record: { ...record, reason: mask(record.reason), attempts } };
}

function maskedAttempts(attempts: Attempts, mask: MaskText): Attempts {
  return { ...attempts, reason: mask(attempts.reason), stderr: mask(attempts.stderr) };
}
