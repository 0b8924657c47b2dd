/**
 * Texts of others (peers, tasks, names of files) where people and programs read them. On a terminal
 * nothing may act: control characters, those that turn the direction of text and those that end a line
 * become visible.
 *
 * @pure
 */

import { nameToShow } from "../platform/name.ts";
import { isPlainText } from "../platform/plain_text.ts";

// deno-lint-ignore no-control-regex
const ACTS = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** The same but for the tab, which a line may have. */
// deno-lint-ignore no-control-regex
const ACTS_IN_LINE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** What `JSON.stringify` leaves in texts: tabs and newlines are only between them. */
const ACTS_IN_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** `\x1b` for an escape, `\x0a` for a newline, `\u202e` for what turns text around. */
export function safeText(text: string): string {
  if (isPlainText(text)) return text;
  return nameToShow(text).replaceAll(ACTS, escaped);
}

/** Like {@link safeText}, for a whole line: tabs stay. */
export function safeLine(text: string): string {
  return nameToShow(text).replaceAll(ACTS_IN_LINE, escaped);
}

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/**
 * One line of JSON that is harmless on a terminal, too.
 *
 * @param mask takes secrets out of each text in it
 */
export function jsonLine(value: unknown, mask?: (text: string) => string): string {
  const masked = mask &&
    ((_: string, each: unknown) => typeof each === "string" ? mask(each) : each);
  return harmlessJson(JSON.stringify(value, masked));
}

/** JSON, perhaps of many lines, of which nothing acts on a terminal. */
export function harmlessJson(json: string): string {
  return json.replaceAll(ACTS_IN_JSON, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
