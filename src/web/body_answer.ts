/** The body of a task as it is. */

import type { HttpAnswer } from "../monitor/http_answer.ts";
import { taskAt } from "./ask.ts";
import type { SiteParts } from "./parts.ts";

/** @throws {AskError} */
export function bodyAnswer(parts: SiteParts, segments: readonly string[]): HttpAnswer {
  const { spool, task } = taskAt(parts, segments);
  return {
    status: 200,
    type: "application/octet-stream",
    // Whatever it is, no browser shows it here.
    headers: { "content-disposition": 'attachment; filename="body"' },
    async body(send, signal) {
      for (const piece of spool.inspector.body(task)) {
        if (signal.aborted) return;
        await send(piece.slice());
      }
    },
  };
}
