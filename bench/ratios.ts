/** The table of ratios in docs/performance.md, and the ratios in tables that benchmarks print. @pure */

/** What the page says of a ratio. */
export interface PageRatio {
  readonly name: string;
  /** By all of the benchmarks; null where they have none. */
  readonly long: number | null;
  /** By the short form, whose runs are short and so slower; null where it leaves this out. */
  readonly short: number | null;
}

export interface MeasuredRatio {
  readonly name: string;
  readonly value: number;
}

/** Below this part of what the page says a ratio is wrong. */
const WORST_PART = 0.5;

const HEADING = "## Every ratio";

/** @throws {Error} when the page has no such table, or a cell of it is no number */
export function readPage(page: string): PageRatio[] {
  const from = page.indexOf(`\n${HEADING}\n`);
  if (from < 0) throw new Error(`the page has no "${HEADING}"`);
  const end = page.indexOf("\n## ", from + HEADING.length);
  const lines = page.slice(from, end < 0 ? undefined : end).split("\n");
  const rows = lines.filter((line) => line.startsWith("|")).slice(2);
  if (rows.length === 0) throw new Error(`"${HEADING}" has no table`);
  return rows.map((line) => {
    const [name = "", long = "", short = ""] = line.slice(1, -1).split("|").map((x) => x.trim());
    return {
      name: name.replaceAll("`", ""),
      long: numberOf(long, line),
      short: numberOf(short, line),
    };
  });
}

function numberOf(cell: string, line: string): number | null {
  if (cell === "" || cell === "–") return null;
  const value = Number(cell);
  if (!(value > 0)) throw new Error(`a ratio must be a number: ${line}`);
  return value;
}

/** Headings of columns with ratios. */
const RATIO = /^(?:to (?:uWSGI|the .*)|ratio)$/;
/** Headings of columns that tell rows apart. */
const KEY = /^(?:|clients|tasks a second)$/;

/** The ratios of a table, its header first, that a benchmark has printed; uWSGI's own are none. */
export function ratiosIn(bench: string, rows: readonly (readonly string[])[]): MeasuredRatio[] {
  const [header = [], ...lines] = rows;
  const keys = header.flatMap((heading, at) => at === 0 || KEY.test(heading) ? [at] : []);
  const columns = header.flatMap((heading, at) => RATIO.test(heading) ? [at] : []);
  return lines.flatMap((line) => {
    const label = keys.map((at) => at === 0 ? line[at] : `${line[at]} ${header[at]}`).join(", ");
    if (label.startsWith("uWSGI")) return [];
    return columns.flatMap((at) => {
      const value = parseFloat(line[at] ?? "");
      return Number.isNaN(value) ? [] : [{ name: `${bench}: ${label}`.replaceAll("`", ""), value }];
    });
  });
}

/** Those at less than half of what the page says. */
export function tooLow(
  measured: readonly MeasuredRatio[],
  page: readonly PageRatio[],
  form: "long" | "short",
): MeasuredRatio[] {
  const said = new Map(page.map((each) => [each.name, each[form]]));
  return measured.filter(({ name, value }) => value < WORST_PART * (said.get(name) ?? 0));
}

/** Of several runs, each ratio at its best. */
export function bestOf(runs: readonly (readonly MeasuredRatio[])[]): MeasuredRatio[] {
  const best = new Map<string, number>();
  for (const { name, value } of runs.flat()) best.set(name, Math.max(value, best.get(name) ?? 0));
  return [...best].map(([name, value]) => ({ name, value }));
}
