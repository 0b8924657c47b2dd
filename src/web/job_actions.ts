/** What can be done with a job. @pure */

import type { JobSnapshot } from "../report/snapshot.ts";
import type { Ask } from "./ask.ts";
import type { Html } from "./html.ts";

export function jobActions(_job: JobSnapshot, _ask: Ask): Html | null {
  return null;
}
