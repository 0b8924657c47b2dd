/** A status that is shown again and again, on a terminal as one screen. */

import { cutLine } from "./look.ts";
import type { CliOutput } from "./output.ts";
import { screenSize } from "./terminal.ts";

/** Between two screens of --watch. */
const REDRAW_MS = 1000;
const TO_THE_TOP = "\x1b[H";
const CLEAR_THE_REST = "\x1b[J";
const CLEAR_THE_LINE = "\x1b[K";

/** Once, or until nobody reads any more. */
export async function repeatedly(
  isWatched: boolean,
  output: CliOutput,
  show: () => Promise<void>,
): Promise<void> {
  do {
    await show();
    await output.flush();
    if (!isWatched) break;
    await new Promise((resolve) => setTimeout(resolve, REDRAW_MS));
  } while (!output.closed);
}

/** One screen, over the one before. */
export async function redrawLines(lines: readonly string[], output: CliOutput): Promise<void> {
  const { columns, rows } = screenSize();
  const shown = lines.length < rows ? lines : [
    ...lines.slice(0, rows - 2),
    `… ${lines.length - rows + 2} more lines`,
  ];
  const screen = shown.map((line) => cutLine(line, columns) + CLEAR_THE_LINE);
  await output.line(`${TO_THE_TOP}${screen.join("\n")}${CLEAR_THE_REST}`);
}
