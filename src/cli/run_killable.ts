/** A job in the foreground that `spooler kill` can end, by a control socket beside the jobs' state. */

import { ControlServer } from "../control/control_server.ts";
import { openForegroundControl } from "../control/job_control.ts";
import { jobKilled, refusalOfJobKill } from "../control/job_kill.ts";
import type { ControlRequest } from "../control/protocol.ts";
import { KillOrder, killOrderOf } from "../exec/kill_order.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import type { KillResult } from "../queue/kill_result.ts";
import { openPlatform } from "../spool/platform.ts";
import { note } from "./output.ts";

/** A run that goes on. */
interface PresentRun {
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
}

/**
 * Runs a job until it ends, and again where it was ended for that.
 *
 * @param stop breaks it off
 */
export async function runKillable<T>(
  statePath: string,
  job: string,
  stop: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  let present: PresentRun | null = null;
  const options = { ...openPlatform(), clock: systemClock, random: systemRandom };
  using opened = openForegroundControl(statePath, options);
  const server = new ControlServer({
    sockets: opened.controlSockets,
    clock: systemClock,
    warn: note,
    answer: (request) => killed(request, job, present),
  });
  await server.open();
  try {
    while (true) {
      const controller = new AbortController();
      const result = run(AbortSignal.any([stop, controller.signal]));
      present = { controller, ended: result };
      const ended = await result;
      if (killOrderOf(controller.signal)?.fate !== "retry" || stop.aborted) return ended;
    }
  } finally {
    present = null;
    await server.finish();
  }
}

async function killed(
  request: ControlRequest,
  job: string,
  run: PresentRun | null,
): Promise<KillResult> {
  if (request.do !== "kill-job") {
    throw new Error("run-job can be asked for nothing but the end of its job");
  }
  if (request.job !== job || run === null) return { kind: "not running", state: null };
  const { wish, by } = request;
  const refusal = refusalOfJobKill(wish);
  if (refusal !== null) return refusal;
  run.controller.abort(new KillOrder(wish, by));
  await run.ended;
  return jobKilled(wish);
}
