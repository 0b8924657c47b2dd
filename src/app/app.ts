/**
 * The composition root: has the parts opened that a configuration names, and takes them apart again
 * in the right order.
 */

import type { Config } from "../config/config.ts";
import { lifetime } from "./stop_or_reload.ts";
import { type Machine, openParts, type Parts } from "./parts.ts";
import { reasonOf } from "../platform/reason.ts";

/**
 * Runs until a signal says stop, or reload; everything that was running has then ended.
 *
 * @param reread reads the configuration again, at a SIGHUP; null when there is none to go on with
 * @returns the configuration to go on with; null is the end
 * @throws {StartError} when the start failed, and nothing has run
 */
export async function runApp(
  config: Config,
  machine: Machine,
  reread: () => Promise<Config | null>,
): Promise<Config | null> {
  const { emit, signals } = machine;
  const abort = new AbortController();
  const life = lifetime(signals, abort, reread);
  const parts: Parts = {
    ...{
      stores: [],
      dispatchers: [],
      retentions: [],
      forwarders: [],
      sockets: [],
      schedulers: [],
      workers: [],
    },
  };
  const closeDoors = () => Promise.all(parts.sockets.map((each) => each.close()));
  const closeStores = () => parts.stores.forEach((store) => store.close());
  const endWork = async () => {
    const { schedulers, dispatchers, retentions, workers } = parts;
    const working = [...schedulers, ...dispatchers, ...retentions, ...workers];
    await Promise.all(working.map((part) => part.stop()));
    for (const forwarder of parts.forwarders) forwarder.close();
  };
  try {
    await openParts(parts, config, machine, abort.signal);
  } catch (error) {
    await Promise.all([closeDoors(), endWork()]);
    closeStores();
    life.ignore();
    throw new StartError(error);
  }

  emit({ type: "program.ready" });
  for (const scheduler of parts.schedulers) scheduler.start().catch(life.fail);
  // A directory of a million tasks takes a while to look through: a stop need not wait for it.
  for (const dispatcher of parts.dispatchers) dispatcher.start().catch(life.fail);
  for (const retention of parts.retentions) retention.start().catch(life.fail);

  let doorsFirst = true;
  try {
    const { reason, next } = await life.end;
    const working = [...parts.schedulers, ...parts.dispatchers];
    const running = working.reduce((sum, each) => sum + each.running, 0);
    emit({ type: next ? "program.reloading" : "program.stopping", reason, running });
    doorsFirst = next === null;
  } finally {
    // At the end nothing new comes in while what runs ends. Before a reload peers may go on sending:
    // that is safe in the spool, and run afterwards.
    if (doorsFirst) await closeDoors();
    await endWork();
    if (!doorsFirst) await closeDoors();
    closeStores();
    // At the end of the program an impatient signal must not spoil its exit code.
    if (life.next !== null) life.ignore();
  }
  if (life.next === null) emit({ type: "program.stopped" });
  return life.next;
}

/** The program could not start. */
export class StartError extends Error {
  override name = "StartError";
  constructor(override readonly cause: unknown) {
    super(reasonOf(cause));
  }
}
