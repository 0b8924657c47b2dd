/** Durations for people, in milliseconds. @pure */

const UNITS = [
  { sizeMs: 86_400_000, unit: "d", letter: "d" },
  { sizeMs: 3_600_000, unit: "h", letter: "h" },
  { sizeMs: 60_000, unit: "min", letter: "m" },
] as const;

/** A setting, exactly: `90 s`, `5 min`, `1 h`, in the largest unit that has no fraction. */
export function settingText(ms: number): string {
  const exact = UNITS.find(({ sizeMs }) => ms >= sizeMs && ms % sizeMs === 0);
  if (exact !== undefined) return `${ms / exact.sizeMs} ${exact.unit}`;
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

/** A measured time, rounded: `850 ms`, `5.3 s`. */
export function measuredText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** An age or a wait, in the largest unit of which there are at least two: `90s`, `5m`, `3h`, `2d`. */
export function roughText(ms: number): string {
  const largest = UNITS.find(({ sizeMs }) => ms >= 2 * sizeMs);
  const { sizeMs, letter } = largest ?? { sizeMs: 1000, letter: "s" };
  return `${Math.max(0, Math.floor(ms / sizeMs))}${letter}`;
}
