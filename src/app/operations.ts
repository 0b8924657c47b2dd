/** What people and other programs may see of this one, and ask of it: snapshots, actions, and the sockets for them. */

import type { Actions } from "../control/actions.ts";
import type { ControlRequest } from "../control/protocol.ts";
import { Monitors, type MonitorsConfig } from "../monitor/monitors.ts";
import type { EventCounters } from "../report/counters.ts";
import type { ProgramSnapshot } from "../report/snapshot.ts";
import { dashboardOf } from "./dashboard.ts";
import type { Machine } from "./machine.ts";
import { ProgramActions } from "./program_actions.ts";
import type { RunningProgram } from "./running_program.ts";
import { Snapshots } from "./snapshots.ts";

export interface OperationsOptions extends RunningProgram {
  readonly machine: Machine;
  readonly counters: EventCounters;
}

export class Operations {
  readonly actions: Actions;
  readonly #snapshots: Snapshots;
  readonly #monitors: Monitors;

  constructor(options: OperationsOptions) {
    const { machine, counters } = options;
    this.#snapshots = new Snapshots({ ...options, ...machine });
    this.actions = new ProgramActions({ ...options, ...machine });
    const snapshot = () => this.snapshot();
    const limitOf = (spool: string, id: string) => this.#snapshots.limitOf(spool, id);
    const site = dashboardOf({
      ...options,
      ...machine,
      ...{ snapshot, limitOf, actions: this.actions },
    });
    this.#monitors = new Monitors({ ...machine, counters, snapshot, site });
  }

  async snapshot(): Promise<ProgramSnapshot> {
    return await this.#snapshots.take();
  }

  /** Does what is asked for on the control socket of a spool's directory. */
  async answer(request: ControlRequest, spool: string): Promise<unknown> {
    const { actions } = this;
    switch (request.do) {
      case "snapshot":
        return await this.snapshot();
      case "limit":
        return this.#snapshots.limitOf(spool, request.task);
      case "kill":
        return await actions.kill(request.by, { spool, id: request.task }, request.wish);
      case "kill-job":
        return await actions.killJob(request.by, request.job, request.wish);
      case "run-job":
        return actions.runJob(request.by, request.job);
      default:
        return request satisfies never;
    }
  }

  /** See {@link Monitors.prepare}. */
  async prepare(config: MonitorsConfig): Promise<{ takeOver(): void; discard(): Promise<void> }> {
    return await this.#monitors.prepare(config);
  }

  /** Resolves when nothing of it is left. */
  async close(): Promise<void> {
    await this.#monitors.close();
  }
}
