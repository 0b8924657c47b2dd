/**
 * A table of text whose rows come in pieces: the first piece decides how wide the columns are. On a
 * terminal it is no wider than that: the widest columns are cut.
 *
 * @pure
 */

import { unicodeWidth } from "@std/cli";
import { type Colour, type Look, painted, PLAIN } from "./look.ts";

/** Between two columns. */
const GAP = "  ";
/** Narrower columns say nothing. */
const NARROWEST = 6;
const CUT = "…";

export interface TableColumn {
  readonly heading: string;
  /** What is cut off where there is no room; absent is the end. Names differ at their ends. */
  readonly cut?: "start";
  /** Of a cell, by its text. */
  colour?(text: string): Colour | null;
}

export class Table {
  readonly #columns: readonly TableColumn[];
  #widths: readonly number[] | null = null;

  constructor(columns: readonly (string | TableColumn)[], private readonly look: Look = PLAIN) {
    this.#columns = columns.map((each) => typeof each === "string" ? { heading: each } : each);
  }

  /** The rows as lines, the first ones with the headings above them. */
  lines(rows: readonly (readonly string[])[]): string[] {
    if (rows.length === 0) return [];
    if (this.#widths) return rows.map((row) => this.#line(row));
    const headings = this.#columns.map(({ heading }) => heading);
    this.#widths = this.#fitted(headings.map((heading, column) =>
      rows.reduce(
        (width, row) => Math.max(width, unicodeWidth(row[column] ?? "")),
        unicodeWidth(heading),
      )
    ));
    return [this.#line(headings, "bold"), ...rows.map((row) => this.#line(row))];
  }

  /** The widths that all columns have room with, taken from the widest. */
  #fitted(widths: readonly number[]): readonly number[] {
    const { width } = this.look;
    if (width === null) return widths;
    const fitted = [...widths];
    const room = Math.max(0, width - GAP.length * (widths.length - 1));
    while (fitted.reduce((sum, each) => sum + each, 0) > room) {
      const widest = Math.max(...fitted);
      if (widest <= NARROWEST) break;
      fitted[fitted.lastIndexOf(widest)] = widest - 1;
    }
    return fitted;
  }

  #line(row: readonly string[], colour: Colour | null = null): string {
    const widths = this.#widths ?? [];
    const last = row.findLastIndex((cell) => cell.trimEnd() !== "");
    // A million lines are made of this.
    let line = "";
    for (let column = 0; column <= last; column++) {
      const cell = row[column] ?? "";
      const { cut, colour: colourOf } = this.#columns[column] ?? {};
      const width = widths[column] ?? 0;
      let taken = unicodeWidth(cell);
      let text = cell;
      if (this.look.width !== null && taken > width) {
        text = shortened(cell, width, cut === "start");
        taken = unicodeWidth(text);
      }
      if (column > 0) line += GAP;
      line += this.look.hasColours ? painted(text, colour ?? colourOf?.(cell) ?? null) : text;
      if (column < last && taken < width) line += " ".repeat(width - taken);
    }
    return line;
  }
}

/** A text of so many columns at most, its beginning or its end. */
function shortened(text: string, width: number, isEnd: boolean): string {
  const chars = [...text];
  if (isEnd) chars.reverse();
  let kept = "";
  let room = width - unicodeWidth(CUT);
  for (const char of chars) {
    room -= unicodeWidth(char);
    if (room < 0) break;
    kept = isEnd ? char + kept : kept + char;
  }
  return isEnd ? CUT + kept : kept + CUT;
}

/** Filled up with blanks to so many columns. */
export function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - unicodeWidth(text)));
}
