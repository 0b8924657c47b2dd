/** A refusal as it crosses threads. */

import { reasonOf } from "../platform/reason.ts";
import { RefusalError } from "../wire/refusal.ts";
import type { RefusalText } from "./intake_messages.ts";
import { refusalOf } from "./incoming_task.ts";

export function refusalText(error: unknown): RefusalText {
  const { kind, message, isTemporary } = error instanceof RefusalError ? error : refusalOf(error);
  return { kind, message, isTemporary };
}

export function refusalFrom({ kind, message, isTemporary }: RefusalText): RefusalError {
  return new RefusalError(kind ?? "full", reasonOf(message), isTemporary);
}
