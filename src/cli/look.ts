/** How text looks where it is shown: in colours and cut to a width on a terminal, plain elsewhere. @pure */

import { unicodeWidth } from "@std/cli";

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

const PAINTED_END = "\x1b[0m";

export type Colour = keyof typeof COLOURS;

export interface Look {
  /** Columns of the terminal; null where lines may have any length. */
  readonly width: number | null;
  readonly hasColours: boolean;
}

export const PLAIN: Look = { width: null, hasColours: false };

export function painted(text: string, colour: Colour | null): string {
  return colour === null || text === "" ? text : `\x1b[${COLOURS[colour]}m${text}${PAINTED_END}`;
}

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  running: "green",
  ready: "cyan",
  deferred: "yellow",
  failed: "red",
  done: "green",
};

/** Of a task's state; null for what has none. */
export function stateColour(state: string): Colour | null {
  return STATE_COLOURS[state] ?? null;
}

/** What fits into so many columns of a line that may be painted. */
export function cutLine(line: string, columns: number): string {
  let kept = "";
  let room = columns;
  let isPainted = false;
  // deno-lint-ignore no-control-regex
  for (const [piece] of line.matchAll(/\x1b\[\d+m|[^]/gu)) {
    if (piece.length > 1 && piece.startsWith("\x1b")) isPainted = piece !== PAINTED_END;
    else room -= unicodeWidth(piece);
    if (room < 0) return isPainted ? kept + PAINTED_END : kept;
    kept += piece;
  }
  return kept;
}

/** Red for what should be 0. */
export function alarmColour(count: string): Colour | null {
  return /^[1-9]/.test(count) ? "red" : null;
}

/** Of how a job went. */
export function resultColour(result: string): Colour {
  if (result === "ok" || result.startsWith("running")) return "green";
  if (result.startsWith("waits")) return "yellow";
  return result === "not run yet" || result === "-" ? "dim" : "red";
}
