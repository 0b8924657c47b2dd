/**
 * Where something stands in the configuration, and what is wrong there.
 */

/** A line of an ini file, or (line 0) a source without lines, such as the command line. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Problem {
  readonly place: Place;
  /** What was wanted, a colon, and the value in quotes: `wants seconds ≥ 0.05: "0,99"`. */
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
