/** Is everything well, and what is going on? */

import { ailment } from "../monitor/health.ts";
import type { ProgramSnapshot, SpoolSnapshot } from "../report/snapshot.ts";
import { roughText } from "../platform/duration_text.ts";
import type { Ask } from "./ask.ts";
import { graph } from "./graph.ts";
import type { HourSample, SpoolSample } from "../monitor/hour_series.ts";
import { href, type Html, markup } from "./html.ts";
import { page } from "./page.ts";
import { runningTable } from "./running.ts";
import { spoolActions } from "./spool_actions.ts";
import { empty } from "./table.ts";
import { badge, bytesText, clockHtml, countText, momentHtml } from "./text.ts";

interface Overview {
  readonly now: ProgramSnapshot;
  /** Null is well. */
  readonly problem: string | null;
  readonly hour: readonly HourSample[];
}

const RUNNING_SHOWN = 8;
const JOBS_SHOWN = 5;

export const overviewPage = page<Overview>({
  name: "",
  refreshMs: 4000,
  title: () => "Overview",
  async load({ parts }) {
    const now = await parts.snapshot();
    return { now, problem: ailment(now), hour: parts.hour.samples };
  },
  json: ({ now, problem, hour }) => ({
    ...now,
    health: problem ?? "ok",
    hour: hour.map(({ at, spools }) => ({ at, spools: Object.fromEntries(spools) })),
  }),
  html: ({ now, problem, hour }, ask) =>
    markup`<h1>Overview</h1>
${health(now, problem)}
<section aria-label="Spools" class="cards">${
      now.spools.map((each) => card(each, now.at, hour, ask))
    }</section>
${now.spools.length === 0 ? empty("This program has no spools: it only runs jobs.") : null}
<section aria-labelledby="running"><h2 id="running">Running now</h2>
${
      now.running.length === 0
        ? empty("Nothing runs at this moment.")
        : runningTable(now.running.slice(0, RUNNING_SHOWN), now.at)
    }
${
      now.running.length <= RUNNING_SHOWN
        ? null
        : markup`<p><a href="${href(["tasks"], { state: "running" })}">All ${
          countText(now.running.length)
        } running tasks</a></p>`
    }</section>
${nextJobs(now)}
${warnings(now)}`,
});

function health(
  { at, startedAt, version, pid, file }: ProgramSnapshot,
  problem: string | null,
): Html {
  return markup`
    <p class="health"
      data-ok="${problem === null ? "yes" : "no"}"><strong>${
    problem === null ? "All is well" : problem
  }</strong> <span>version ${version}, pid ${pid}, started ${
    momentHtml(
      startedAt,
      at,
    )
  }, ${file}</span></p>
  `;
}

function card(spool: SpoolSnapshot, now: number, hour: readonly HourSample[], ask: Ask): Html {
  const { name, dir, counts, paused, external, oldestReadyMs, freeBytes } = spool;
  const of = (state?: string) => href(["tasks"], { spool: name, state });
  const line = (value: (sample: SpoolSample) => number) =>
    hour.flatMap(({ at, spools }) => {
      const sample = spools.get(name);
      return sample ? [[at, value(sample)] as const] : [];
    });
  return markup`<article class="card">
<header><h2><a href="${of()}">${name}</a></h2>${paused ? badge("paused") : null}${
    external ? badge("external") : null
  }${spoolActions(spool, ask)}</header>
<p class="dir">${dir}</p>
${
    counts === null
      ? markup`<p class="empty">Another program runs its tasks.</p>`
      : markup`<dl class="counts">${
        (["ready", "running", "deferred", "failed"] as const).map((state) =>
          markup`
            <div data-kind="${state}" ${counts[state] === 0 ? markup` class="zero"` : null}>
              <dt>${state}</dt>
              <dd><a href="${of(state)}">${
            countText(
              counts[state],
            )
          }${state === "ready" && spool.hasMore ? "+" : null}</a></dd>
            </div>
          `
        )
      }</dl>
${
        graph({
          title: "Tasks a minute",
          now,
          lines: [
            { label: "in", kind: "a", points: line((sample) => sample.in) },
            { label: "out", kind: "b", points: line((sample) => sample.out) },
          ],
        })
      }
${
        graph({
          title: "Waiting",
          now,
          lines: [{ label: "ready", kind: "a", points: line((sample) => sample.ready) }],
        })
      }
<p class="small">${
        [
          oldestReadyMs === null
            ? null
            : `the oldest ready task waits for ${roughText(oldestReadyMs)}`,
          freeBytes === null ? null : `${bytesText(freeBytes)} free`,
          ...oddities(spool),
        ].filter((each) => each !== null).join(" · ")
      }</p>`
  }
</article>`;
}

/** States that are rare, and worth a word then. */
function oddities({ counts, waiting = [] }: SpoolSnapshot): string[] {
  if (counts === null) return [];
  const limited = waiting.map(({ limit, waiting, running }) =>
    `${countText(waiting)} wait for ${limit}, of which ${countText(running)} run`
  );
  const rare = (["postponed", "held", "unusable", "stuck"] as const)
    .filter((kind) => counts[kind] > 0);
  return [...limited, ...rare.map((kind) => `${countText(counts[kind])} ${kind}`)];
}

function nextJobs({ jobs, at }: ProgramSnapshot): Html | null {
  if (jobs.length === 0) return null;
  const next = jobs.filter(({ nextAt }) => nextAt !== null)
    .toSorted((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0)).slice(0, JOBS_SHOWN);
  return markup`
    <section aria-labelledby="next">
      <h2 id="next"><a href="${href(["schedules"])}">Next jobs</a></h2>
      <ul class="lines">${
    next.map(({ name, nextAt, running, waiting, lastRun }) =>
      markup`<li>${clockHtml(nextAt, at)} <b>${name}</b> ${momentHtml(nextAt, at)}${
        running > 0
          ? badge("running")
          : waiting > 0
          ? badge("waits for a free worker", "waiting")
          : null
      }${lastRun?.ok === false ? badge("failed last time", "failed") : null}</li>`
    )
  }</ul>
    </section>
  `;
}

function warnings({ warnings: all, at }: ProgramSnapshot): Html | null {
  if (all.length === 0) return null;
  return markup`
    <section aria-labelledby="warnings">
      <h2 id="warnings">Warnings</h2>
      <ul class="lines log">${
    all.toReversed().map((each) =>
      markup`<li data-level="${each.level}">${
        clockHtml(each.at, at)
      } <span>${each.text}</span></li>`
    )
  }</ul>
    </section>
  `;
}
