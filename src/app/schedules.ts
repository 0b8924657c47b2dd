/** What the scheduler of a configuration is made of. */

import type { Config } from "../config/config.ts";
import { runShell } from "../exec/process.ts";
import { readAccounts } from "../schedule/accounts.ts";
import { actionText } from "../schedule/action.ts";
import { bootName } from "../schedule/boot.ts";
import type { SlotClaims } from "../schedule/cluster_slots.ts";
import type { SignalHandlers } from "../schedule/signal_handlers.ts";
import type { SchedulerOptions } from "../schedule/scheduler.ts";
import { type Spool, spoolFor } from "../server/reception.ts";
import { readRequest } from "../task/request.ts";
import { textVar } from "../wire/packet.ts";
import type { Estate } from "./estate.ts";
import type { Machine } from "./machine.ts";

export interface SchedulesOptions {
  readonly config: Config;
  readonly spools: readonly Spool[];
  readonly machine: Machine;
  /** Aborted when what runs must end. */
  readonly abort: AbortSignal;
  readonly signals: SignalHandlers;
  readonly owners: SchedulerOptions["owners"];
  readonly estate: Estate;
  /** Takes what is done when this configuration is in force. */
  later(apply: () => void): void;
}

/** @throws {ConfigError} when a job is for an account that cannot be */
export async function schedulerOptions(
  { config, spools, machine, abort, signals, owners, estate, later }: SchedulesOptions,
): Promise<SchedulerOptions> {
  const { schedules, cronZone: zone, cronState: statePath, env, binsh, workingDir: cwd } = config;
  const accounts = await readAccounts(schedules);
  for (const { name, whenText, action } of schedules) {
    machine.emit({ type: "schedule.loaded", name, text: whenText, command: actionText(action) });
  }
  const recorded = estate.histories.ofJobs(statePath, config.history, later);
  return {
    jobs: schedules,
    owners,
    cronHarakiriMs: config.cronHarakiriMs,
    onFailure: config.cronOnFailure,
    zone,
    statePath,
    host: Deno.hostname(),
    boot: await bootName(),
    clock: machine.clock,
    emit: recorded.emit,
    abort,
    claims: await claimsOf(config, machine),
    world: {
      ...{ ...machine, ...recorded, cwd, env, binsh, shell: runShell, accounts, signals },
      put: async (vars, accepted) => {
        const { task, spooler } = readRequest(vars.map(([name, value]) => textVar(name, value)));
        const { store } = spoolFor(spools, spooler);
        return (await store.put(task, ({ name }) => accepted(name))).name;
      },
    },
  };
}

/** A site without such jobs loads nothing of NATS. */
async function claimsOf(
  { schedules, cluster }: Config,
  { clock }: Machine,
): Promise<SlotClaims | null> {
  if (cluster === null || !schedules.some(({ once }) => once === "claim")) return null;
  const { StreamSlotClaims } = await import("../cluster/slot_claims.ts");
  return new StreamSlotClaims(cluster, clock);
}

/** Until the new code is loaded, the old code gets the signals. */
export function heardSignals(own: SignalHandlers, old: SignalHandlers | undefined): SignalHandlers {
  return {
    has: (signal, owner) => own.has(signal, owner) || (old?.has(signal, owner) ?? false),
    raise: (signal, owner, how) =>
      (own.has(signal, owner) ? own : old ?? own).raise(signal, owner, how),
  };
}
