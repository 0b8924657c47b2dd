/** What the paths below `/api/` answer. @pure */

import type { HttpAnswer } from "../monitor/http_answer.ts";
import { jsonLine } from "../report/safe_text.ts";

export function jsonAnswer(value: unknown, status = 200): HttpAnswer {
  return { status, type: "application/json; charset=utf-8", body: `${jsonLine(value)}\n` };
}
