/** How far a task is, for people: `40 of 100 (40 %), resizing`. @pure */

import { safeText } from "./safe_text.ts";
import type { TaskProgress } from "./snapshot.ts";

export function progressText({ done, total, text }: TaskProgress): string {
  const share = total !== null && total > 0 ? ` (${Math.floor(100 * done / total)} %)` : "";
  const count = total === null ? String(done) : `${done} of ${total}${share}`;
  return text === "" ? count : `${count}, ${safeText(text)}`;
}
