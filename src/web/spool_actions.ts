/** What can be done with a spool. @pure */

import type { SpoolSnapshot } from "../report/snapshot.ts";
import type { Ask } from "./ask.ts";
import { button } from "./forms.ts";
import type { Html } from "./html.ts";

export function spoolActions({ name, paused, external }: SpoolSnapshot, ask: Ask): Html | null {
  if (external) return null;
  const verb = paused ? "resume" : "pause";
  const label = paused ? "Resume" : "Pause";
  const values = [["do", verb], ["spool", name]] as const;
  return button(ask, { action: "/spools", values, label, name: `${label} ${name}` });
}
