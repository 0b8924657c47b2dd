/** One line that says how far a long command is. @pure */

import { roughText } from "../platform/duration_text.ts";

export interface ProgressState {
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}

const LONGEST_BAR = 30;

/** ` 45 % [=======>      ] 4,500 of 10,000, 1,234/s, 5s left`, in so many columns at most. */
export function progressLine({ done, total, elapsedMs }: ProgressState, width: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const percent = `${Math.floor(100 * share)}`.padStart(3);
  const rate = elapsedMs === 0 ? 0 : 1000 * done / elapsedMs;
  const left = rate === 0 ? "" : `, ${roughText(1000 * Math.max(0, total - done) / rate)} left`;
  const text = `${whole(done)} of ${whole(total)}, ${whole(rate)}/s${left}`;
  const room = Math.min(LONGEST_BAR, width - `${percent} % [] ${text}`.length - 1);
  const bar = room < 3 ? "" : `[${barOf(share, room)}] `;
  return `${percent} % ${bar}${text}`.slice(0, Math.max(0, width - 1));
}

function barOf(share: number, length: number): string {
  const filled = Math.floor(share * length);
  const bar = filled === length ? "=".repeat(length) : `${"=".repeat(filled)}>`;
  return bar.padEnd(length);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
