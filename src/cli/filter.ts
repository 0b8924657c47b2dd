/** Which tasks a command is for, when they are not named: `--state`, `--func`, `--older`. */

import { type ListedStateKind, STATE_KINDS } from "../spool/inspected.ts";
import type { ListFilter } from "../spool/matching.ts";
import { UsageError } from "./error.ts";
import { parseDurationOption } from "./duration_option.ts";

/** @throws {UsageError} */
export function readFilter(
  options: { readonly state?: string; readonly func?: string; readonly older?: string },
  now: number,
): ListFilter {
  const { state, func, older } = options;
  return {
    ...(state === undefined ? {} : { states: state.split(",").map(parseState) }),
    ...(func === undefined ? {} : { func }),
    ...(older === undefined ? {} : { madeBefore: now - parseDurationOption("older", older) }),
  };
}

function parseState(text: string): ListedStateKind {
  const state = STATE_KINDS.find((kind) => kind === text);
  if (!state) {
    throw new UsageError(`--state needs some of ${[...STATE_KINDS, "done"].join(",")}: "${text}"`);
  }
  return state;
}
