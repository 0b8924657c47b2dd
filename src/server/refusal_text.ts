/** A refusal as it crosses threads. */

import { RefusalError } from "../wire/refusal.ts";
import { refusalOf } from "./incoming_task.ts";
import type { RefusalText } from "./intake_messages.ts";

export function refusalText(error: unknown): RefusalText {
  const { kind, message, isTemporary } = refusalOf(error);
  return { kind, message, isTemporary };
}

export function refusalFrom({ kind, message, isTemporary }: RefusalText): RefusalError {
  return new RefusalError(kind, message, isTemporary);
}
