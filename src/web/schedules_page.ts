/** What runs when, and how did it go? */

import type { JobSnapshot } from "../report/snapshot.ts";
import { timeText } from "../platform/local_time.ts";
import { measuredText } from "../platform/duration_text.ts";
import { type Ask } from "./ask.ts";
import { href, type Html, joined, markup } from "./html.ts";
import { page } from "./page.ts";
import type { ComingStarts } from "../schedule/upcoming.ts";
import { empty, table } from "./table.ts";
import { badge, clockHtml, momentHtml } from "./text.ts";
import { jobActions } from "./job_actions.ts";
import { isoText } from "../report/task_summary.ts";

interface SchedulesView {
  readonly jobs: readonly JobSnapshot[];
  readonly coming: readonly ComingStarts[];
  readonly now: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Ticks that a lane has room for: what comes more often is a band. */
const MOST_TICKS = 96;
const NEXT_SHOWN = 3;

export const schedulesPage = page<SchedulesView>({
  name: "schedules",
  refreshMs: 10_000,
  title: () => "Schedules",
  async load({ parts }) {
    const { jobs, at } = await parts.snapshot();
    return { jobs, coming: parts.coming(at + DAY_MS, MOST_TICKS + 1), now: at };
  },
  json: ({ jobs, coming }) => ({
    jobs: jobs.map((job) => ({
      ...job,
      coming: coming.find((each) => each.job === job.name)?.times.map(isoText) ?? [],
    })),
  }),
  html: ({ jobs, coming, now }, ask) =>
    markup`<h1>Schedules</h1>${
      jobs.length === 0
        ? empty("No jobs: the ini has no cron, timer or schedule, and task code registers none.")
        : jobTable(jobs, coming, now, ask)
    }`,
});

function jobTable(
  jobs: readonly JobSnapshot[],
  coming: readonly ComingStarts[],
  now: number,
  ask: Ask,
): Html {
  const timesOf = (name: string) => coming.find(({ job }) => job === name)?.times ?? [];
  return table("Jobs", jobs, [
    {
      head: "Job",
      cell: ({ name, when, command }) =>
        markup`
          <a href="${
          href(["schedules", name])
        }"><b>${name}</b></a><br><span class="small">${when}</span><br><code
            class="command">${command}</code>
        `,
    },
    {
      head: "Last run",
      cell: ({ lastRun, running, waiting }) =>
        running > 0
          ? markup`${badge("running")} ${momentHtml(lastRun?.startedAt ?? null, now)}`
          : waiting > 0
          ? badge("waits for a free worker", "waiting")
          : lastRun === null
          ? markup`<span class="none">not yet</span>`
          : markup`${
            lastRun.ok === true ? badge("ok", "done") : badge(
              lastRun.result ?? (lastRun.endedAt === null ? "end unknown" : "failed"),
              "failed",
            )
          } ${momentHtml(lastRun.startedAt, now)}${
            lastRun.endedAt === null
              ? null
              : markup`, <span class="small">took ${
                measuredText(lastRun.endedAt - lastRun.startedAt)
              }</span>`
          }`,
    },
    {
      head: "Next",
      cell: ({ name, nextAt }) => {
        const times = timesOf(name).slice(0, NEXT_SHOWN);
        return times.length === 0
          ? clockHtml(nextAt, now)
          : joined(times.map((at) => clockHtml(at, now)), markup`<br>`);
      },
    },
    { head: "Next 24 hours", cell: ({ name }) => lane(name, timesOf(name), now) },
    { head: "", cell: (job) => jobActions(job, ask) },
  ]);
}

const WIDTH = 288;
const LANE_HEIGHT = 18;

/** A line of a day with a mark for each start; the hours are those of the machine. */
function lane(name: string, times: readonly number[], now: number): Html {
  const x = (at: number) => (WIDTH * (at - now) / DAY_MS).toFixed(1);
  const hours = Array.from(
    { length: 24 },
    (_, n) => Math.ceil(now / HOUR_MS) * HOUR_MS + n * HOUR_MS,
  );
  const many = times.length > MOST_TICKS;
  const label = times.length === 0
    ? `${name} does not start within 24 hours`
    : many
    ? `${name} starts more than ${MOST_TICKS} times within 24 hours`
    : `${name} starts ${times.length} times within 24 hours`;
  return markup`<svg class="lane" viewBox="0 0 ${WIDTH} ${
    LANE_HEIGHT + 10
  }" role="img" aria-label="${label}">
<rect class="track" x="0" y="0" width="${WIDTH}" height="${LANE_HEIGHT}" rx="3"/>${
    hours.map((at) => {
      const hour = timeText(at).slice(11, 13);
      return Number(hour) % 6 !== 0 ? null : markup`
        <line class="hour" x1="${x(at)}" x2="${x(at)}" y1="0" y2="${LANE_HEIGHT}" />
        <text x="${x(at)}" y="${LANE_HEIGHT + 9}">${hour}</text>
      `;
    })
  }${
    many
      ? markup`
        <rect class="band" x="0" y="5" width="${WIDTH}" height="${LANE_HEIGHT - 10}" />
      `
      : times.map((at) =>
        markup`
          <rect class="tick" x="${x(at)}" y="3" width="2" height="${LANE_HEIGHT - 6}" />
        `
      )
  }</svg>`;
}
