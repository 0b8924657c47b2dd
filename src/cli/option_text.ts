/** One row of the option table, over one line or two. @pure */

import type { OptionRow } from "../config/options.ts";

const WIDTH = 36;

export function optionText(row: OptionRow): string {
  const left = row.value ? `${row.name} = ${row.value}` : row.name;
  const fallback = row.fallback ? ` (default: ${row.fallback})` : "";
  const planned = row.standing === "planned" ? " [not yet]" : "";
  const right = row.help + fallback + planned;
  if (left.length < WIDTH - 2) return `  ${left.padEnd(WIDTH - 2)}${right}\n`;
  return `  ${left}\n${" ".repeat(WIDTH)}${right}\n`;
}
