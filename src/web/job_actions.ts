/** What can be done with a job. @pure */

import type { JobSnapshot } from "../report/snapshot.ts";
import type { Ask } from "./ask.ts";
import { button } from "./forms.ts";
import { type Html, markup } from "./html.ts";

export function jobActions({ name, running, waiting }: JobSnapshot, ask: Ask): Html | null {
  if (!ask.mayAct) return null;
  const form = (verb: string, label: string, kind = "") =>
    button(ask, {
      ...{ action: "/schedules", values: [["do", verb], ["job", name]], label, kind },
      name: `${label}: ${name}`,
    });
  return markup`${form("run", "Run now")} ${
    running + waiting > 0 ? form("kill", "End", "danger") : null
  }`;
}
