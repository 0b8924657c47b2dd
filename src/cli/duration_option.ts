/** An option whose value is a duration. */

import { parseDuration } from "../config/value.ts";
import { reasonOf } from "../platform/reason.ts";
import { UsageError } from "./error.ts";

/** @throws {UsageError} */
export function parseDurationOption(option: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--${option} ${reasonOf(error)}: "${text}"`);
  }
}
