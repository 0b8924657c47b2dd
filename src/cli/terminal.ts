/** What the terminals of this process can show. */

import { type Look, PLAIN } from "./look.ts";

/** Of stdout. */
export function lookOfOutput(): Look {
  if (!Deno.stdout.isTerminal()) return PLAIN;
  const isDumb = Deno.env.get("TERM") === "dumb";
  return { width: columns(), hasColours: !Deno.noColor && !isDumb };
}

/** Of the terminal; null where it says nothing, or nothing that can be. */
export function columns(): number | null {
  try {
    const { columns } = Deno.consoleSize();
    return columns > 0 ? columns : null;
  } catch {
    return null;
  }
}

/** Of the terminal; 80 by 24 where it says nothing, as a serial line does. */
export function screenSize(): { readonly columns: number; readonly rows: number } {
  const { columns, rows } = Deno.consoleSize();
  return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}
