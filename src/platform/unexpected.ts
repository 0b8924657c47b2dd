/** Errors that no part of the program foresees. @pure */

/** What the program knows contradicts itself: nothing that it does from here on can be trusted. */
export class ImpossibleStateError extends Error {
  override name = "ImpossibleStateError";
}

/** EX_SOFTWARE of sysexits.h: the exit code after an impossible state. */
export const EXIT_IMPOSSIBLE = 70;

/** For a catch that is meant for what the system refuses. */
export function rethrowImpossible(error: unknown): void {
  if (error instanceof ImpossibleStateError) throw error;
}

/** Frames of a stack that are worth their room in a line. */
const MOST_FRAMES = 3;
const FRAME = /\b((?:src|workers)\/[^\s():]+\.ts:\d+):\d+/;

/** Where an error was thrown and on whose behalf: `src/queue/tasks.ts:120 < src/queue/ends.ts:15`. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const frames = stack.split("\n").flatMap((line) => FRAME.exec(line)?.[1] ?? []);
  return frames.length === 0 ? "at an unknown place" : frames.slice(0, MOST_FRAMES).join(" < ");
}
