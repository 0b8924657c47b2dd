/** The dashboard of `http-socket`, loaded when somebody asks for it first, and what it shows things of. */

import { basename } from "@std/path";
import type { Actions } from "../control/actions.ts";
import type { Site, SiteSetting } from "../monitor/monitors.ts";
import type { ProgramSnapshot, ReachedLimit } from "../report/snapshot.ts";
import { Inspector } from "../spool/inspect.ts";
import { ImpossibleStateError } from "../platform/unexpected.ts";
import type { Machine } from "./machine.ts";
import type { RunningProgram } from "./running_program.ts";

export interface DashboardOptions extends Machine, Pick<RunningProgram, "estate" | "life"> {
  readonly actions: Actions;
  snapshot(): Promise<ProgramSnapshot>;
  limitOf(spool: string, id: string): ReachedLimit | null;
}

/** @returns what opens it */
export function dashboardOf(options: DashboardOptions): (about: SiteSetting) => Promise<Site> {
  return (about) => openDashboard(options, about);
}

async function openDashboard(options: DashboardOptions, about: SiteSetting): Promise<Site> {
  const { estate, life, clock, masking } = options;
  const { openSite } = await import("../web/site.ts");
  /** By directory: they keep it open. */
  const inspectors = new Map<string, Inspector>();
  const inspectorOf = (dir: string) => {
    const known = inspectors.get(dir);
    if (known !== undefined) return known;
    const inspector = new Inspector({ dir, clock, ...estate.platform });
    inspectors.set(dir, inspector);
    return inspector;
  };
  const present = () => {
    const parts = life()?.parts;
    if (parts === undefined) throw new ImpossibleStateError("a page is asked for before the start");
    return parts;
  };
  return openSite({
    ...{ ...options, ...about },
    mask: (text) => masking?.mask(text) ?? text,
    spools: () =>
      [...present().spools, ...present().leased].map((
        { config: { dir, external }, store: { history } },
      ) => ({
        ...{ name: basename(dir), dir, external, inspector: inspectorOf(dir), history },
      })),
    config: () => present().config,
    jobHistory: () => estate.histories.jobFiles(present().config.cronState),
    runningOf: (job) => estate.jobs().find(({ name }) => name === job)?.running ?? null,
    coming: (untilAt, most) => estate.coming(untilAt, most),
  });
}
