/** What can be done with a spool. @pure */

import type { SpoolSnapshot } from "../report/snapshot.ts";
import type { Ask } from "./ask.ts";
import type { Html } from "./html.ts";

export function spoolActions(_spool: SpoolSnapshot, _ask: Ask): Html | null {
  return null;
}
