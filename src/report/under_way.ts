/** What runs now, as far as events say so: for the line of a stop that waits, and for a status. @pure */

import type { Clock } from "../platform/clock.ts";
import type { Event } from "./event.ts";

export interface UnderWay {
  /** For people: `task 17… (send_mail)` or `job nightly`. */
  readonly text: string;
  /** On the monotonic clock. */
  readonly startedAt: number;
}

/** Names in one line of the log. */
const MOST_NAMED = 5;

export class UnderWayList {
  readonly #runs = new Map<string, UnderWay>();

  /** Most events are none of its business, and need no time. */
  note(event: Event, clock: Pick<Clock, "monotonic">): void {
    switch (event.type) {
      case "task.started": {
        const func = event.func === "" ? "" : ` (${event.func})`;
        this.#runs.set(`${event.spool}/${event.task}`, {
          text: `task ${event.task}${func}`,
          startedAt: clock.monotonic(),
        });
        break;
      }
      case "task.settled":
      case "task.returned":
        if (this.#runs.size > 0) this.#runs.delete(`${event.spool}/${event.task}`);
        break;
      case "job.started":
        this.#runs.set(`job ${event.job}`, {
          text: `job ${event.job}`,
          startedAt: clock.monotonic(),
        });
        break;
      case "job.ended":
        this.#runs.delete(`job ${event.job}`);
        break;
    }
  }

  /** The oldest first. */
  list(): readonly UnderWay[] {
    return [...this.#runs.values()];
  }

  /** The oldest few, each with how long it has been running at `now`, on the monotonic clock. */
  oldest(now: number): string[] {
    return this.list().slice(0, MOST_NAMED).map(({ text, startedAt }) =>
      `${text} for ${Math.round((now - startedAt) / 1000)} s`
    );
  }
}

/** `3: task … for 12 s, job nightly for 40 s and 1 more`. */
export function underWayText(
  { running, names }: { readonly running: number; readonly names: readonly string[] },
): string {
  const more = running - names.length;
  const last = more > 0 && names.length > 0 ? ` and ${more} more` : "";
  return `${running}${names.length > 0 ? ": " : ""}${names.join(", ")}${last}`;
}
