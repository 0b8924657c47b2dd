/** Prometheus' two formats of text: the classic one and OpenMetrics. @pure */

import { BOUNDS, type Histogram } from "../report/histogram.ts";

export type Labels = Readonly<Record<string, string>>;

export interface MetricFamily {
  /** A counter's without `_total`. */
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly samples: readonly (readonly [Labels, number | Histogram])[];
}

export const CLASSIC_TYPE = "text/plain; version=0.0.4; charset=utf-8";
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export function exposition(families: readonly MetricFamily[], isOpenMetrics: boolean): string {
  const lines: string[] = [];
  for (const { name, kind, help, samples } of families) {
    if (samples.length === 0) continue;
    const sample = kind === "counter" ? `${name}_total` : name;
    const family = isOpenMetrics ? name : sample;
    lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${kind}`);
    for (const [labels, value] of samples) {
      if (typeof value === "number") lines.push(`${sample}${labelText(labels)} ${value}`);
      else lines.push(...histogramLines(name, labels, value));
    }
  }
  if (isOpenMetrics) lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function histogramLines(name: string, labels: Labels, histogram: Histogram): string[] {
  const counts = histogram.cumulative();
  const buckets = [...BOUNDS.map(boundText), "+Inf"].map((le, at) =>
    `${name}_bucket${labelText({ ...labels, le })} ${counts[at]}`
  );
  const text = labelText(labels);
  return [
    ...buckets,
    `${name}_sum${text} ${histogram.sum}`,
    `${name}_count${text} ${counts.at(-1)}`,
  ];
}

/** OpenMetrics wants 1.0 where others write 1. */
const boundText = (bound: number) => Number.isInteger(bound) ? `${bound}.0` : String(bound);

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.toWellFormed().replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll(
    "\n",
    "\\n",
  );
}
