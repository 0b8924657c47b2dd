/**
 * `for` and `if`: what a loop goes over, and whether a condition holds.
 *
 * Source: uWSGI 2.0.21 core/config.c, the functions uwsgi_logic_opt_…
 *
 * @pure
 */

import { findOption } from "./options.ts";

/** What conditions ask about; texts have one byte in each character. */
export interface Facts {
  readonly hostname: string;
  readonly isReload: boolean;
  /** The value of the first line with this key, as far as the configuration has been read. */
  option(key: string): string | undefined;
  environment(name: string): string | undefined;
  isReadable(path: string): boolean;
  kindOf(path: string): "file" | "dir" | "other" | undefined;
  hasPlugin(name: string): boolean;
}

export interface ConditionResult {
  readonly holds: boolean;
  /** What `%(_)` becomes in the lines of the block; absent when it stays. */
  readonly subject?: string;
}

/** The canonical name of a condition, without its `not`; undefined for other keys. */
export function conditionOf(key: string): { about: string; negated: boolean } | undefined {
  const [, negation, about] = /^if-(not-)?(.+)$/.exec(findOption(key)?.name ?? "") ?? [];
  return about === undefined ? undefined : { about, negated: negation !== undefined };
}

/** @throws {SyntaxError} for an invalid regular expression */
export function judge(
  about: string,
  negated: boolean,
  argument: string,
  facts: Facts,
): ConditionResult {
  const on = (truth: boolean): ConditionResult => ({ holds: truth !== negated, subject: argument });
  switch (about) {
    case "opt":
      return compare(argument, negated, (key) => facts.option(key));
    case "env":
      return compare(argument, negated, (key) => facts.environment(key));
    case "reload":
      return { holds: facts.isReload !== negated };
    case "exists":
      return on(facts.isReadable(argument));
    case "file":
      return on(facts.kindOf(argument) === "file");
    case "dir":
      return on(facts.kindOf(argument) === "dir");
    case "hostname":
      return on(facts.hostname === argument);
    case "hostname-match":
      return on(matchesHost(argument, facts.hostname));
    case "plugin":
      return on(facts.hasPlugin(argument));
    default:
      throw new Error(`not a condition: ${about}`);
  }
}

/** `KEY` or `KEY=VALUE`. */
function compare(
  argument: string,
  negated: boolean,
  get: (key: string) => string | undefined,
): ConditionResult {
  const equals = argument.indexOf("=");
  const value = get(equals === -1 ? argument : argument.slice(0, equals));
  const same = value !== undefined && (equals === -1 || value === argument.slice(equals + 1));
  return value === undefined
    ? { holds: same !== negated }
    : { holds: same !== negated, subject: value };
}

function matchesHost(pattern: string, hostname: string): boolean {
  try {
    return new RegExp(pattern).test(hostname);
  } catch {
    throw new SyntaxError("needs a regular expression");
  }
}

/** The words of a `for`, split at blanks only. */
export function forWords(argument: string): string[] {
  return argument.split(" ").filter((word) => word !== "");
}

const FOR_TIMES_MAX = 100_000;

/**
 * 1 to N; nothing for what is no number, as in uWSGI.
 *
 * @throws {SyntaxError} over FOR_TIMES_MAX
 */
export function forTimes(argument: string): string[] {
  const times = Number(/^\s*[+-]?\d+/.exec(argument)?.[0] ?? 0);
  if (times > FOR_TIMES_MAX) throw new SyntaxError(`needs a number up to ${FOR_TIMES_MAX}`);
  return Array.from({ length: Math.max(times, 0) }, (_, i) => String(i + 1));
}

/** uWSGI reads a line in pieces of this size. */
const READLINE_PIECE = 1023;

/** The lines of a text, without their ends. */
export function forLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const pieces: string[] = [];
  for (const line of lines) {
    let at = 0;
    do {
      pieces.push(line.slice(at, at + READLINE_PIECE).replace(/[\r\n]+$/, ""));
      at += READLINE_PIECE;
    } while (at < line.length);
  }
  return pieces;
}
