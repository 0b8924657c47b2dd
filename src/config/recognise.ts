/**
 * What each key of a configuration is: an option to act on, one of uWSGI's that is not ours, one
 * that must not be passed over in silence, a placeholder, or a slip of the finger.
 *
 * @pure
 */

import type { Entry } from "./entry.ts";
import { findForeign, findOption, isKnown, knownNames, type OptionRow } from "./options.ts";
import type { Problem } from "../platform/problem.ts";
import { nearest } from "./suggest.ts";
import { parseBoolean, surprise } from "./value.ts";

/** A configuration with more unknown keys than this does not have them by mistake. */
const SUGGESTIONS_MAX = 1_000;

export interface Recognised {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * @param used the keys that placeholders and if-opt have asked for
 * @param file where a warning about the configuration as a whole belongs
 */
export function recognise(
  entries: readonly Entry[],
  used: ReadonlySet<string>,
  file: string,
): Recognised {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const foreign = new Map<string, { reason: string; names: Set<string> }>();
  const planned = new Set<string>();
  const suggestions = new Map<string, string | undefined>();
  const strict = entries.filter(({ key }) => key === "strict").at(-1);
  const isStrict = strict !== undefined && parseBoolean(strict.value);

  for (const { key, value, place, placeholder } of entries) {
    if (placeholder) {
      if (isKnown(key)) {
        problems.push({ place, message: `set-placeholder cannot be used for the option ${key}` });
      }
      continue;
    }
    const row = findOption(key);
    if (row?.standing === "planned") {
      if (row.risk === undefined) planned.add(key);
      else {
        const message = `${key} is not supported by this version yet, and ${row.risk} in silence`;
        problems.push({ place, message });
      }
      warnOfComment(row, value, place);
    }
    if (row !== undefined) continue;

    const option = findForeign(key);
    if (option === undefined) {
      problemOfUnknown(key, value, place);
    } else if (option.refused) {
      problems.push({ place, message: `${key} is refused: ${option.reason}` });
    } else {
      const group = foreign.get(option.group) ?? { reason: option.reason, names: new Set() };
      foreign.set(option.group, group);
      group.names.add(key);
    }
  }

  function suggest(key: string): string | undefined {
    if (!suggestions.has(key)) {
      const isEnough = suggestions.size >= SUGGESTIONS_MAX;
      suggestions.set(key, isEnough ? undefined : nearest(key, knownNames()));
    }
    return suggestions.get(key);
  }

  function warnOfComment(row: OptionRow, value: string, place: Entry["place"]): void {
    if (row.kind === "command" || row.kind === "flag" || row.secret) return;
    const odd = surprise("string", value);
    if (odd !== undefined) warnings.push({ place, message: `${row.name} ${odd}` });
  }

  function problemOfUnknown(key: string, value: string, place: Entry["place"]): void {
    const near = used.has(key) ? undefined : suggest(key);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    if (isStrict) {
      problems.push({ place, message: `${shown(key)} is not an option, and strict is set${hint}` });
    } else if (isKnown(/^([\w-]+)[:\s]/.exec(key)?.[1] ?? "")) {
      const [name] = key.split(/[:\s]/, 1);
      warnings.push({ place, message: `${name} has no effect: it needs an = before its value` });
    } else if (near !== undefined) {
      warnings.push({ place, message: `${key} is not an option, and nothing uses it${hint}` });
    } else if (used.has(key)) {
      const odd = surprise("string", value);
      if (odd !== undefined) warnings.push({ place, message: `${key} ${odd}` });
    }
  }

  const whole = { file, line: 0 };
  if (foreign.size > 0) {
    const groups = [...foreign.values()].map(({ names, reason }) =>
      `${[...names].join(", ")} (${reason})`
    );
    warnings.push({
      place: whole,
      message: `accepted, but without effect here: ${groups.join("; ")}`,
    });
  }
  if (planned.size > 0) {
    const names = [...planned].join(", ");
    warnings.push({
      place: whole,
      message: `known, but not supported by this version yet: ${names}`,
    });
  }
  return { problems, warnings };
}

/** A key for a message: on one line and not without end. */
function shown(key: string): string {
  // deno-lint-ignore no-control-regex -- a key must not steer the terminal it is shown on
  return key.slice(0, 80).replace(/[\x00-\x1f\x7f]/g, "·");
}
