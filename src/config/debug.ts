/** `spooler-debug`. @pure */

import { DEBUG_PARTS, type DebugPart } from "../report/debug.ts";
import { parseBoolean } from "./value.ts";

/** All parts, none, or those that are named. */
export function parseDebug(text: string): readonly DebugPart[] {
  if (/^(?:|true|yes|on|1|false|off|no|0)$/i.test(text)) {
    return parseBoolean(text) ? DEBUG_PARTS : [];
  }
  return text.split(/[\s,]+/).filter((word) => word !== "").map((word) => {
    const part = DEBUG_PARTS.find((each) => each === word);
    if (part === undefined) {
      throw new SyntaxError(`needs true, false or some of ${DEBUG_PARTS.join(", ")}`);
    }
    return part;
  });
}
