/**
 * A table of text whose rows come in pieces: the first piece decides how wide the columns are.
 *
 * @pure
 */

import { unicodeWidth } from "@std/cli";

/** Between two columns. */
const GAP = "  ";

export class Table {
  #widths: readonly number[] | null = null;

  constructor(private readonly headings: readonly string[]) {}

  /** The rows as lines, the first ones with the headings above them. */
  lines(rows: readonly (readonly string[])[]): string[] {
    if (rows.length === 0) return [];
    if (this.#widths) return rows.map((row) => this.#line(row));
    this.#widths = this.headings.map((heading, column) => {
      return rows.reduce(
        (width, row) => Math.max(width, unicodeWidth(row[column] ?? "")),
        unicodeWidth(heading),
      );
    });
    return [this.headings, ...rows].map((row) => this.#line(row));
  }

  #line(row: readonly string[]): string {
    return row.map((cell, column) => padded(cell, this.#widths?.[column] ?? 0)).join(GAP).trimEnd();
  }
}

/** Filled up with blanks to so many columns. */
export function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - unicodeWidth(text)));
}
