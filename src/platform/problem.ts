/**
 * Where something stands in the configuration, and what is wrong there.
 *
 * @pure
 */

/** A line of an ini file, or (line 0) a source without lines, such as the command line. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** An option where it was written. */
export interface OptionLine {
  readonly name: string;
  readonly place: Place;
}

export interface Problem {
  readonly place: Place;
  /** What was wanted, a colon, and the value in quotes: `needs seconds ≥ 0.05: "0,99"`. */
  readonly message: string;
}

export function placeText(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}`;
}

export function problemText(problem: Problem): string {
  return `${placeText(problem.place)}: ${problem.message}`;
}

/** The configuration cannot be used; says everything that is wrong with it, not only the first. */
export class ConfigError extends Error {
  override name = "ConfigError";

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(problemText).join("\n"));
  }
}

/** Nobody reads more at once. */
const SHOWN_MAX = 100;

/**
 * Each once, file by file in the order they come up, by line; what has no line comes last. Of more
 * than SHOWN_MAX the rest is counted.
 */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const files = new Map<string, number>();
  const once = new Map<string, Problem>();
  for (const problem of problems) {
    if (!files.has(problem.place.file)) files.set(problem.place.file, files.size);
    once.set(problemText(problem), problem);
  }
  const rank = ({ place }: Problem) =>
    [
      files.get(place.file) ?? 0,
      place.line === 0 ? Infinity : place.line,
    ] as const;
  const sorted = [...once.values()].sort((a, b) => {
    const [[fileA, lineA], [fileB, lineB]] = [rank(a), rank(b)];
    return fileA - fileB || (lineA === lineB ? 0 : lineA - lineB);
  });
  const [last] = sorted.slice(SHOWN_MAX - 1);
  if (sorted.length <= SHOWN_MAX || last === undefined) return sorted;
  const message = `and ${sorted.length - SHOWN_MAX} more like these`;
  return [...sorted.slice(0, SHOWN_MAX), { place: { file: last.place.file, line: 0 }, message }];
}
