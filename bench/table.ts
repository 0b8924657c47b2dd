/** Numbers of several runs, and a table of them. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** As text; for another program (`SPOOLER_BENCH=json`) as one line of JSON. */
export function printTable(rows: readonly (readonly string[])[]): void {
  if (Deno.env.get("SPOOLER_BENCH") === "json") return console.log(JSON.stringify(rows));
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of rows) {
    console.log(
      row.map((cell, i) => {
        const width = widths[i] ?? 0;
        return i === 0 ? cell.padEnd(width) : cell.padStart(width);
      }).join("  "),
    );
  }
}

/** `12,345` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A number from the command line, `--NAME=VALUE`. */
export function numberArg(name: string, otherwise: number): number {
  const given = Deno.args.find((arg) => arg.startsWith(`--${name}=`));
  if (given === undefined) return otherwise;
  const value = Number(given.slice(name.length + 3));
  if (!Number.isInteger(value) || value < 1) {
    throw new TypeError(`--${name} needs 1 or more: ${given}`);
  }
  return value;
}

/** `--NAME=TEXT`; "" when it is not given. */
export function textArg(name: string): string {
  const given = Deno.args.find((arg) => arg.startsWith(`--${name}=`));
  return given?.slice(name.length + 3) ?? "";
}
