/** How text looks where it is shown: in colours and cut to a width on a terminal, plain elsewhere. @pure */

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Colour = keyof typeof COLOURS;

export interface Look {
  /** Columns of the terminal; null where lines may have any length. */
  readonly width: number | null;
  readonly hasColours: boolean;
}

export const PLAIN: Look = { width: null, hasColours: false };

export function painted(text: string, colour: Colour | null): string {
  return colour === null || text === "" ? text : `\x1b[${COLOURS[colour]}m${text}\x1b[0m`;
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

/** Of how a job went. */
export function resultColour(result: string): Colour {
  if (result === "ok" || result.startsWith("running")) return "green";
  return result === "not run yet" ? "dim" : "red";
}
