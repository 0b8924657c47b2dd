/** What a uWSGI that works through one of the spools, with the same ini, would run a second time. */

import type { Config } from "../config/config.ts";
import type { Problem } from "../platform/problem.ts";
import { uwsgiSpoolers } from "../platform/uwsgi_spoolers.ts";

/** @param spoolersOf the directories that a uWSGI works on, by process id */
export function doubleRuns(config: Config, spoolersOf = uwsgiSpoolers): Problem[] {
  const whole = { file: config.file, line: 0 };
  const own = config.spools.filter(({ external }) => !external).map(({ dir }) => dir);
  const running = [...spoolersOf(own)];
  const warnings: Problem[] = running.map(([dir, pid]) => ({
    place: whole,
    message: `uWSGI (pid ${pid}) works on ${dir} as well: each task runs in one of the two`,
  }));
  const external = config.spools.find((spool) => spool.external);
  const who = running[0] !== undefined
    ? `uWSGI (pid ${running[0][1]})`
    : external !== undefined
    ? `the program that works on ${external.dir}`
    : null;
  if (who === null) return warnings;
  const [first, ...others] = config.schedules.filter(({ when }) => when.kind === "cron");
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    const message = `cron ${first.name}${more} would run twice if ${who} reads this ini, too: ` +
      "keep cron lines where only one of them reads them";
    warnings.push({ place: first.place, message });
  }
  const modules = running.length === 0 ? [] : config.code.modules;
  const [module] = modules.filter(({ language }) => language === "python");
  if (module !== undefined) {
    const message = `timers and crons that ${module.written} registers would run twice if ${who} ` +
      "imports it, too: give its spool to one of them alone";
    warnings.push({ place: module.place, message });
  }
  return warnings;
}
