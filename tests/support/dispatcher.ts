/** A dispatcher on a spool, with executors that a test or a benchmark brings. */

import type { SpoolConfig } from "../../src/queue/settings.ts";
import type { Executor, Run } from "../../src/exec/executor.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { Dispatcher, type DispatcherOptions } from "../../src/queue/dispatcher.ts";
import type { Emit } from "../../src/report/event.ts";
import type { Claims } from "../../src/spool/claim.ts";
import { platform } from "./platform.ts";
import { openStore } from "./store.ts";

const HOUR_MS = 3_600_000;

/** Nothing is found by a scan after the first: a wake-up that got lost stays lost. */
export const NEVER_POLLS: Partial<SpoolConfig> = { frequencyMs: HOUR_MS };

/** A handler inside this process that takes every task and always succeeds. */
export function succeeding(run: (run: Run) => void | Promise<void>): Executor {
  return {
    name: null,
    processes: null,
    async run(each) {
      await run(each);
      return { kind: "done" };
    },
  };
}

/** A spool in which little happens by itself. */
export function spoolConfig(dir: string, settings: Partial<SpoolConfig> = {}): SpoolConfig {
  return {
    dir,
    processes: 4,
    frequencyMs: 1000,
    harakiriMs: null,
    ordered: false,
    fsync: true,
    retry: { delayMs: 1000, maxDelayMs: HOUR_MS, maxRetries: 0 },
    cwd: dir,
    maxAgeMs: null,
    failedMaxAgeMs: null,
    onFailure: null,
    rate: null,
    limits: { maxFiles: null, minFreeBytes: null },
    external: false,
    ...settings,
  };
}

/** Not started yet. The parts that a test gives take the place of the usual ones. */
export function newDispatcher(
  parts: Pick<DispatcherOptions, "store" | "executors"> & Partial<DispatcherOptions>,
): Dispatcher {
  return new Dispatcher({
    name: "test",
    config: spoolConfig(parts.store.dir),
    env: {},
    clock: systemClock,
    random: Math.random,
    emit: () => {},
    abort: new AbortController().signal,
    ...parts,
  });
}

/** Watches and scans `dir` with a store of its own; resolves when it has been scanned once. */
export async function startDispatcher(
  dir: string,
  executors: readonly Executor[],
  settings: Partial<SpoolConfig> = {},
  emit: Emit = () => {},
  claims: Claims = platform.claims,
): Promise<Pick<Dispatcher, "stop">> {
  const store = await openStore(dir, systemClock, claims);
  const config = spoolConfig(store.dir, settings);
  const dispatcher = newDispatcher({ config, store, executors, emit });
  dispatcher.watch();
  await dispatcher.start();
  return {
    async stop() {
      await dispatcher.stop();
      store.close();
    },
  };
}
