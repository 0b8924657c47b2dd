/**
 * Reads the `mappings` of a source map (ECMA-426): from a place in generated code to its place in
 * the file that a person wrote. Pure.
 */

interface Segment {
  /** All count from 0. */
  readonly column: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
}

/** A line and a column, both from 1, as stack traces have them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export class SourceMap {
  readonly #lines: readonly (readonly Segment[])[];

  /** @param mappings of a map with one source */
  constructor(mappings: string) {
    this.#lines = decodeMappings(mappings);
  }

  /** Where a place of the generated code comes from; null for what nobody wrote. */
  original({ line, column }: Position): Position | null {
    const segments = this.#lines[line - 1] ?? [];
    const segment = segments.findLast((each) => each.column <= column - 1) ?? segments[0];
    if (segment === undefined) return null;
    return { line: segment.sourceLine + 1, column: segment.sourceColumn + 1 };
  }
}

function decodeMappings(mappings: string): Segment[][] {
  let sourceLine = 0;
  let sourceColumn = 0;
  return mappings.split(";").map((line) => {
    let column = 0;
    const segments: Segment[] = [];
    for (const text of line.split(",")) {
      const fields = decodeVlq(text);
      column += fields[0] ?? 0;
      // A segment of one field is of no source.
      if (fields.length < 4) continue;
      sourceLine += fields[2] ?? 0;
      sourceColumn += fields[3] ?? 0;
      segments.push({ column, sourceLine, sourceColumn });
    }
    return segments;
  });
}

/** Base64 digits of five bits each, the least first, a sixth bit says that more follow. */
function decodeVlq(text: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const char of text) {
    const digit = DIGITS.indexOf(char);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}
