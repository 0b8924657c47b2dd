/**
 * Loads the task modules as a start does, in worker processes of their own, to say what they offer and
 * what is wrong with them. Nothing runs: the workers end as soon as they have answered.
 */

import type { Config } from "../config/config.ts";
import { type Clock, systemRandom } from "../platform/clock.ts";
import { ConfigError, type Problem } from "../platform/problem.ts";
import type { Event } from "../report/event.ts";
import type { Account } from "../schedule/account.ts";
import type { Registration } from "../schedule/registration.ts";
import { openPlatform } from "../spool/platform.ts";
import { Store } from "../spool/store.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { Frequency } from "../queue/frequency.ts";
import { Tasks } from "../queue/tasks.ts";
import { Workers } from "../worker/workers.ts";
import { workersAccount } from "./commands.ts";
import type { TaskModule } from "../worker/settings.ts";

/** What the modules of one language offer. */
export interface ModuleOffer {
  readonly language: TaskModule["language"];
  readonly functions: readonly string[];
  readonly catchAll: boolean;
  /** Where functions are written: a file, or `file:line`. */
  readonly origins: Readonly<Record<string, string>>;
  /** What the code registers for the clock. */
  readonly registrations: readonly Registration[];
}

export interface ModuleFindings {
  readonly offers: readonly ModuleOffer[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

const NOTHING: ModuleFindings = { offers: [], problems: [], warnings: [] };

/** How long the modules of a language may take to load here. */
const LIMIT_MS = 20_000;

/** @param clock the machine's */
export async function loadModules(
  config: Config,
  clock: Clock,
  limitMs = LIMIT_MS,
): Promise<ModuleFindings> {
  const spool = config.spools.find(({ external }) => !external);
  // Without a spool no worker ever starts.
  if (spool === undefined) return NOTHING;
  const account = await workersAccount(config).catch((error) => {
    // The check of accounts says so.
    if (error instanceof ConfigError) return "none" as const;
    throw error;
  });
  if (account === "none") return NOTHING;
  const languages = [...new Set(config.code.modules.map(({ language }) => language))];
  const warnings: Problem[] = [];
  const found = await Promise.all(
    languages.map((each) => load(each, config, { spool, clock, limitMs, warnings, account })),
  );
  return {
    warnings,
    offers: found.flatMap((each) => "offer" in each ? [each.offer] : []),
    problems: found.flatMap((each) => "problem" in each ? [each.problem] : []),
  };
}

type ModuleResult = { readonly offer: ModuleOffer } | { readonly problem: Problem };

interface ModuleCheckOptions {
  readonly spool: SpoolConfig;
  readonly clock: Clock;
  readonly limitMs: number;
  /** Who will run the modules, and loads them here; null is this user. */
  readonly account: Account | null;
  /** Takes what the code is warned of while it loads. */
  readonly warnings: Problem[];
}

async function load(
  language: ModuleOffer["language"],
  config: Config,
  { spool, clock, limitMs, warnings, account }: ModuleCheckOptions,
): Promise<ModuleResult> {
  const modules = config.code.modules.filter((each) => each.language === language);
  const { promise, resolve } = Promise.withResolvers<ModuleResult>();
  const printed: string[] = [];
  let registrations: readonly Registration[] = [];
  const emit = (event: Event) => {
    switch (event.type) {
      case "worker.output":
        printed.push(event.line);
        return;
      case "spool.warning":
        warnings.push(problemOf(modules, event.message, []));
        return;
      case "workers.ready":
        // What is registered is reported behind it.
        return queueMicrotask(() => {
          const [loaded] = workers.offers;
          if (loaded === undefined) return;
          const { functions, catchAll, origins } = loaded;
          resolve({ offer: { language, functions, catchAll, origins, registrations } });
        });
      case "workers.unloadable":
        // The lines of a traceback are reported behind it.
        return queueMicrotask(() =>
          resolve({ problem: problemOf(modules, event.message, printed) })
        );
    }
  };
  const platform = openPlatform();
  const code = { ...config.code, modules, cheap: false, touchReload: [] };
  const workers = new Workers({
    config: { ...config, code },
    ...(account ? { account } : {}),
    claims: platform.claims,
    clock,
    emit,
    abort: new AbortController().signal,
    owners: [],
    put: () => Promise.reject(new Error("spooler check puts no tasks into spools")),
  });
  const cancel = clock.after(limitMs, () => {
    const message = `not loaded after ${limitMs / 1000} s`;
    resolve({ problem: problemOf(modules, message, printed) });
  });
  try {
    const { dir, fsync, frequencyMs } = spool;
    await workers.add({
      name: "check",
      config: { ...spool, processes: 1 },
      store: Store.on({ dir, fsync, clock, random: systemRandom, ...platform }),
      tasks: new Tasks(),
      frequency: new Frequency(frequencyMs),
    });
    workers.start((_, found) => registrations = found);
    return await promise;
  } finally {
    cancel();
    await workers.stop();
  }
}

/** At the line of the module that the message names, else at the first one. */
function problemOf(
  modules: readonly TaskModule[],
  message: string,
  printed: readonly string[],
): Problem {
  const module = modules.find(({ name }) => message.includes(name)) ??
    modules.find(({ written }) => message.includes(written)) ?? modules[0];
  const place = module?.place ?? { file: "command line", line: 0 };
  // One line says no more than the message.
  const trace = printed.length > 1 ? printed : [];
  return { place, message: [message, ...trace].join("\n    ") };
}
