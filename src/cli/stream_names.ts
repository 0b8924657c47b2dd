/** What a name on the command line means in a stream: a message's number, failed/NUMBER, or an id. */

import type { StreamPosition, StreamQueue } from "../cluster/stream_queue.ts";
import type { StreamTask } from "../cluster/stream_task.ts";
import { FAILED_DIR, TASK_PREFIX } from "../spool/layout.ts";
import { safeText } from "../report/safe_text.ts";
import { UsageError } from "./error.ts";
import { idsText } from "./spools.ts";

export type StreamMatch =
  | { readonly kind: "one"; readonly task: StreamTask }
  | { readonly kind: "none" | "many"; readonly text: string };

/** Null when it is an id. @throws {UsageError} when it can be neither */
export function positionOf(word: string): StreamPosition | null {
  const [, failed, digits] = /^(failed\/)?(\d{1,15})$/.exec(word) ?? [];
  if (digits !== undefined) {
    return { place: failed === undefined ? "queue" : "failed", sequence: Number(digits) };
  }
  if (word === "" || word.startsWith(`${FAILED_DIR}/`)) {
    throw new UsageError(
      `a task of a stream is NUMBER, failed/NUMBER or its id: "${safeText(word)}"`,
    );
  }
  return null;
}

export async function findInStream(queue: StreamQueue, word: string): Promise<StreamMatch> {
  const position = positionOf(word);
  const text = word.startsWith(TASK_PREFIX) ? word.slice(TASK_PREFIX.length) : word;
  const found = position === null
    ? await queue.withId(text)
    : [await queue.at(position)].filter((task) => task !== null);
  const [first, ...others] = found;
  const name = safeText(word);
  if (first === undefined) return { kind: "none", text: `${name}: no such task` };
  if (others.length === 0) return { kind: "one", task: first };
  const names = idsText(found.map((task) => `${task.name} (${task.id})`));
  return { kind: "many", text: `${name}: several tasks have this name: ${safeText(names)}` };
}
