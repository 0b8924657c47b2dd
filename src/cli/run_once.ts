/**
 * `spooler run-once --ini FILE`: runs what is ready and ends. It opens no socket, starts no job, and
 * writes no pidfile: the program itself may run beside it.
 *
 * Exit codes: 0 all went well, 1 a task failed or could not run.
 */

import { mustStart } from "../app/start_checks.ts";
import type { Config } from "../config/config.ts";
import type { Event } from "../report/event.ts";
import type { Fate } from "../task/fate.ts";
import { UsageError } from "./error.ts";
import { loadIni } from "./ini.ts";
import { refuseUnknown } from "./ini_options.ts";
import { isIniInEnvironment } from "./ini_environment.ts";
import { Progress } from "./progress.ts";
import { runLogged } from "./run_logged.ts";
import { type NamedSpool, openEach } from "./spools.ts";

export async function runOnce(args: readonly string[]): Promise<number> {
  if (args.length === 0 && !isIniInEnvironment()) {
    throw new UsageError("run-once needs an ini: spooler run-once --ini FILE");
  }
  refuseUnknown("run-once", args);
  const loaded = await loadIni(args);
  const config = tasksOnly(loaded.config);
  const own = config.spools.filter(({ external }) => !external);
  if (own.length + config.forwards.length === 0) {
    throw new UsageError(
      `run-once: ${config.file || "this command line"} names no spool to work on`,
    );
  }
  const site = await mustStart({ ...loaded, config });
  const tally = new Tally();
  const giveUp = new AbortController();
  using progress = new Progress(() =>
    readyCount([...own, ...config.forwards.map(({ spool }) => spool)])
  );
  const note = (event: Event) => {
    tally.note(event);
    if (event.type === "task.settled" && event.fate.kind !== "ready") progress.step();
    if (event.type === "workers.unloadable") giveUp.abort();
  };
  return await runLogged(site, { note }, async ({ emit, run }) => {
    let left: number | null = null;
    await run({
      reread: () => Promise.resolve(null),
      ready: () => {},
      drain: { giveUp: giveUp.signal, done: (leftOver) => left = leftOver },
    });
    const { isClean, ...counts } = tally.counts;
    emit({ type: "program.drained", ...counts, left: left ?? 0 });
    return left === 0 && isClean ? 0 : 1;
  });
}

/** For the progress, on a terminal. */
function readyCount(spools: readonly NamedSpool[]): number {
  let count = 0;
  const ready = { states: ["ready"] } as const;
  for (const { inspector } of openEach("run-once", spools, false)) {
    for (const tasks of inspector.list(ready)) {
      count += tasks.filter((task) => inspector.mayPass(task, ready)).length;
    }
  }
  return count;
}

/** The same work without what belongs to the service that may run beside. */
function tasksOnly(config: Config): Config {
  const daemon = { ...config.daemon, pidFiles: [], daemonize: null, touchReload: [] };
  return { ...config, daemon, listeners: [], schedules: [] };
}

/** How the tasks of this run went: what counts is the last attempt of each. */
class Tally {
  #done = 0;
  readonly #last = new Map<string, Fate>();

  note(event: Event): void {
    if (event.type !== "task.settled") return;
    const { spool, task, fate } = event;
    const id = `${spool}/${task}`;
    if (fate.kind === "done") {
      this.#done++;
      this.#last.delete(id);
    } else this.#last.set(id, fate);
  }

  get counts() {
    const fates = [...this.#last.values()];
    const deferred = fates.filter(({ kind }) => kind === "deferred");
    return {
      done: this.#done,
      failed: fates.filter(({ kind }) => kind === "failed").length,
      deferred: deferred.length,
      isClean: fates.every((fate) => fate.kind === "deferred" && fate.asked),
    };
  }
}
