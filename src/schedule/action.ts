/** What a job does, in words. @pure */

import type { Action } from "./settings.ts";

export function actionText(action: Action): string {
  switch (action.kind) {
    case "command":
      return action.command;
    case "task":
      return `spool ${action.vars.map(([name, value]) => `${name}=${value}`).join(" ")}`;
    case "signal":
      return `signal ${action.signal}`;
    default:
      return action satisfies never;
  }
}
