/** Small graphs of the last hour, drawn without a script. @pure */

import { type Html, markup } from "./html.ts";
import { countText } from "./text.ts";

export interface Line {
  readonly label: string;
  /** Which of the colours. */
  readonly kind: "a" | "b";
  /** Milliseconds since the epoch, and a value; the oldest first. */
  readonly points: readonly (readonly [at: number, value: number])[];
}

const WIDTH = 300;
const HEIGHT = 56;
const HOUR_MS = 3_600_000;

export interface GraphOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly now: number;
}

/** The picture says what each line is now and was at most, for who cannot see it, too. */
export function graph({ title, lines, now }: GraphOptions): Html {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const most = Math.max(1, ...values);
  const said = lines.map(({ label, points }) => {
    const last = points.at(-1)?.[1] ?? 0;
    return `${label} ${countText(last)}, at most ${
      countText(Math.max(0, ...points.map(([, value]) => value)))
    }`;
  });
  const label = `${title} in the last hour: ${said.join("; ")}`;
  const isEmpty = lines.every(({ points }) => points.length < 2);
  return markup`
    <figure class="graph">
      <figcaption>${title}<span class="legend">${
    lines.map(({ label, kind, points }) =>
      markup`<span data-line="${kind}">${label} <b>${countText(points.at(-1)?.[1] ?? 0)}</b></span>`
    )
  }</span></figcaption>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
        aria-label="${label}">
    <line class="base" x1="0" x2="${WIDTH}" y1="${HEIGHT - 1}" y2="${HEIGHT - 1}"/>${
    lines.map((
      line,
    ) => shape(line, most, now))
  }</svg>
      <p class="scale"><span>${isEmpty ? "gathering" : "1 h ago"}</span><span>most ${
    countText(
      most,
    )
  }</span><span>now</span></p>
    </figure>
  `;
}

function shape({ kind, points }: Line, most: number, now: number): Html | null {
  if (points.length < 2) return null;
  const x = (at: number) => Math.max(0, WIDTH * (1 - (now - at) / HOUR_MS)).toFixed(1);
  const y = (value: number) => (HEIGHT - 2 - (HEIGHT - 8) * value / most).toFixed(1);
  const path = points.map(([at, value]) => `${x(at)},${y(value)}`).join(" ");
  const [first, last] = [points[0], points.at(-1)];
  const area = `${x(first?.[0] ?? now)},${HEIGHT} ${path} ${x(last?.[0] ?? now)},${HEIGHT}`;
  return markup`
    <polygon class="area" data-line="${kind}" points="${area}" />
    <polyline class="line" data-line="${kind}" points="${path}"
      vector-effect="non-scaling-stroke" />
  `;
}
