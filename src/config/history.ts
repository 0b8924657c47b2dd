/** `spooler-history`, `spooler-output`, `spooler-output-max`. @pure */

import type { HistoryConfig, KeptOutput } from "../history/settings.ts";
import type { Given } from "./given.ts";
import { parseDuration, parseInteger, parseSize } from "./value.ts";

const DEFAULT_RUNS = 1000;
const MOST_RUNS = 1_000_000;
const DEFAULT_OUTPUT = 64 * 1024;
const LARGEST_OUTPUT = 16 * 1024 * 1024;

type Limit = Pick<HistoryConfig, "limit">;

const DEFAULT_LIMIT: Limit = { limit: { kind: "runs", count: DEFAULT_RUNS } };

export function historyOf(given: Given): HistoryConfig {
  const { limit } = given.last("spooler-history", parseLimit, DEFAULT_LIMIT);
  const output = given.last<KeptOutput>("spooler-output", parseOutput, "none");
  const entry = given.entriesOf("spooler-output").at(-1);
  if (limit === null && output !== "none" && entry !== undefined) {
    given.warning(entry, "keeps nothing, because spooler-history is 0");
  }
  const outputMax = given.last("spooler-output-max", parseOutputMax, DEFAULT_OUTPUT);
  return { limit, output, outputMax };
}

/** `1000` runs, or the runs of `7d`; 0 is no history. */
function parseLimit(text: string): Limit {
  if (/\d\s*[a-z]/i.test(text)) return { limit: { kind: "time", ms: parseDuration(text) } };
  const count = parseInteger(text, 0);
  if (count > MOST_RUNS) throw new SyntaxError(`takes ${MOST_RUNS} runs at most, or a duration`);
  return { limit: count === 0 ? null : { kind: "runs", count } };
}

function parseOutput(text: string): KeptOutput {
  if (text === "all" || text === "failed" || text === "none") return text;
  throw new SyntaxError("takes all, failed or none");
}

function parseOutputMax(text: string): number {
  const size = parseSize(text);
  if (size >= 1 && size <= LARGEST_OUTPUT) return size;
  throw new SyntaxError("takes a size from 1 to 16M");
}
