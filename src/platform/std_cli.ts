/**
 * @std/cli while it comes from npm: deno-std leaves out the table that its unicodeWidth reads, so that
 * one comes from get-east-asian-width. See docs/decisions.md. @pure
 */

import { parseArgs } from "deno-std/parse-args";
import { eastAsianWidth } from "get-east-asian-width";
import { isPlainText } from "./plain_text.ts";

export { parseArgs };

/** Marks, joiners and control characters take no column. */
const NO_COLUMN = /[\p{Mark}\p{Cf}\p{Cc}]/u;

/** Columns of a terminal that a text takes. */
export function unicodeWidth(text: string): number {
  if (isPlainText(text)) return text.length;
  let width = 0;
  for (const char of text) {
    if (!NO_COLUMN.test(char)) width += eastAsianWidth(char.codePointAt(0) ?? 0);
  }
  return width;
}
