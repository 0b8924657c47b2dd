/** Numbers, times and states as the pages show them. @pure */

import { roughText } from "../platform/duration_text.ts";
import { localZone, timeText } from "../platform/local_time.ts";
import { type Html, markup } from "./html.ts";
import { isoText } from "../report/task_summary.ts";

/** With a thin space between thousands, as all languages read it. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `3m ago` or `in 2h`, with the whole time for who points at it. */
export function momentHtml(at: number | null, now: number): Html {
  if (at === null) return markup`<span class="none">–</span>`;
  const iso = isoText(at);
  if (iso === null) return markup`<span class="none">never</span>`;
  const text = at > now ? `in ${roughText(at - now)}` : `${roughText(now - at)} ago`;
  return markup`<time datetime="${iso}" title="${timeText(at)} ${localZone().name}">${text}</time>`;
}

/** The time of day, with its date where that is not today's. */
export function clockHtml(at: number | null, now: number): Html {
  if (at === null || isoText(at) === null) return markup`<span class="none">–</span>`;
  const [date = "", time = ""] = timeText(at).slice(0, 19).split(" ");
  const isToday = timeText(now).startsWith(date);
  return markup`<time datetime="${isoText(at)}" title="${timeText(at)} ${localZone().name}">${
    isToday ? "" : `${date} `
  }${time}</time>`;
}

/** A word with its colour; the word alone says it, too. */
export function badge(text: string, kind: string = text): Html {
  return markup`<span class="badge" data-kind="${kind}">${text}</span>`;
}
