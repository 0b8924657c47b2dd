/** What an operator may do, done by the parts of the running program. */

import type {
  Actions,
  PlacedTaskAt,
  PushResult,
  RunJobResult,
  TaskAt,
  TaskToAdd,
  Turned,
} from "../control/actions.ts";
import { jobKilled, refusalOfJobKill } from "../control/job_kill.ts";
import { KillOrder, type KillWish } from "../exec/kill_order.ts";
import type { KillResult } from "../queue/kill_result.ts";
import type { Emit } from "../report/event.ts";
import { refusalOf } from "../server/incoming_task.ts";
import { type Spool, spoolFor } from "../server/reception.ts";
import type { SentId } from "../spool/accepted_ids.ts";
import { removeTask, retryTask } from "../spool/change_task.ts";
import type { PlacedTask } from "../spool/inspected.ts";
import { isTaskId, refOf, taskLabel, type TaskRef } from "../spool/layout.ts";
import type { Store } from "../spool/store.ts";
import type { Changed } from "../spool/task.ts";
import type { NewTask } from "../task/new_task.ts";
import { readRequest } from "../task/request.ts";
import type { RunningProgram } from "./running_program.ts";

export interface ProgramActionsOptions extends RunningProgram {
  readonly emit: Emit;
}

const STOPPING = { kind: "refused", reason: "the program is stopping" } as const;
const NOT_NOW = { ...STOPPING, refusal: "full", isTemporary: true } as const;
const NO_TASK = { kind: "refused", reason: "this is not the name of a task" } as const;

export class ProgramActions implements Actions {
  constructor(private readonly options: ProgramActionsOptions) {}

  async kill(by: string, { spool, id }: TaskAt, wish: KillWish): Promise<KillResult> {
    const order = new KillOrder(wish, by);
    const dispatchers = this.options.lives().flatMap(({ parts }) => parts.dispatchers)
      .filter(({ name, dir }) => spool === name || spool === dir);
    let state: string | null = null;
    for (const dispatcher of dispatchers) {
      const result = await dispatcher.kill(id, order);
      if (result.kind === "ended") this.#log(by, `ended the run of task ${labelOf(id)}`);
      if (result.kind !== "not running") return result;
      state ??= result.state;
    }
    return { kind: "not running", state };
  }

  async killJob(by: string, job: string, wish: KillWish): Promise<KillResult> {
    const refusal = refusalOfJobKill(wish);
    if (refusal !== null) return refusal;
    const { estate } = this.options;
    const runs = await estate.killJob(job, new KillOrder(wish, by));
    if (runs === 0) {
      const isKnown = estate.jobs().some(({ name }) => name === job);
      return { kind: "not running", state: isKnown ? "waiting" : null };
    }
    this.#log(by, `ended job ${job}${wish.fate === "retry" ? ", which runs again" : ""}`);
    return jobKilled(wish);
  }

  async retry(by: string, task: PlacedTaskAt): Promise<Changed> {
    return await this.#change(by, "retried", task, retryTask);
  }

  async remove(by: string, task: PlacedTaskAt): Promise<Changed> {
    return await this.#change(by, "removed", task, removeTask);
  }

  async #change(
    by: string,
    done: string,
    { spool, id, place }: PlacedTaskAt,
    act: (store: Store, task: PlacedTask) => Promise<Changed>,
  ): Promise<Changed> {
    const found = this.#spool(spool);
    if (found === undefined) return { kind: "gone" };
    if (!isTaskId(id)) return NO_TASK;
    const changed = await act(found.store, { ...refOf(id), place });
    if (changed.kind === "changed") {
      this.#log(by, `${done} task ${labelOf(id)} of ${found.name}, which was ${changed.was}`);
    }
    return changed;
  }

  async pause(by: string, spool: string): Promise<Turned> {
    return await this.#turn(by, "paused", spool, (store) => store.pause());
  }

  async resume(by: string, spool: string): Promise<Turned> {
    return await this.#turn(by, "resumed", spool, (store) => store.resume());
  }

  async #turn(
    by: string,
    done: string,
    spool: string,
    act: (store: Store) => Promise<boolean>,
  ): Promise<Turned> {
    const found = this.#spool(spool);
    if (found === undefined) return "unknown";
    if (!await act(found.store)) return "unchanged";
    this.#log(by, `${done} spool ${found.name}`);
    return "changed";
  }

  runJob(by: string, job: string): RunJobResult {
    const { estate, isStopping } = this.options;
    if (isStopping()) return STOPPING;
    const admission = estate.runJob(job);
    switch (admission?.kind) {
      case undefined:
        return { kind: "unknown" };
      case "start":
        this.#log(by, `started job ${job}`);
        return { kind: "started" };
      case "wait":
      case "replace":
        this.#log(by, `queued job ${job}, which starts when what runs has ended`);
        return { kind: "waits" };
      case "skip":
        return { kind: "refused", reason: admission.reason };
      default:
        return admission satisfies never;
    }
  }

  async push(by: string, { vars, body, sent }: TaskToAdd): Promise<PushResult> {
    const spools = this.options.life()?.parts.spools;
    if (spools === undefined || this.options.isStopping()) return NOT_NOW;
    try {
      const { task: { body: inVars, ...rest }, spooler } = readRequest(vars);
      const bytes = body ?? (inVars instanceof Uint8Array ? inVars : undefined);
      const task = bytes === undefined ? rest : { ...rest, body: bytes };
      const spool = spoolFor(spools, spooler);
      const { name, store } = spool;
      if (sent === undefined) {
        const ref = await store.put(task);
        this.#log(by, `added task ${taskLabel(ref.name)} to ${name}`);
        return { kind: "accepted", spool: name, task: ref, isRepeated: false };
      }
      const { incoming } = this.options.estate;
      const ref = await incoming.putOnce(spool, { task, sent, from: by });
      return { kind: "accepted", spool: name, ...repetition(ref, store, sent, task) };
    } catch (error) {
      const { message: reason, kind: refusal, isTemporary } = refusalOf(error);
      return { kind: "refused", reason, refusal, isTemporary };
    }
  }

  #spool(spool: string): Spool | undefined {
    const parts = this.options.life()?.parts;
    return [...parts?.spools ?? [], ...parts?.leased ?? []].find(({ name, config: { dir } }) =>
      spool === dir || spool === name
    );
  }

  #log(by: string, text: string): void {
    this.options.emit({ type: "operator.acted", by, text });
  }
}

function repetition(
  ref: TaskRef | null,
  store: Pick<Store, "acceptedName">,
  { id, sender }: SentId,
  { priority }: NewTask,
): { readonly task: TaskRef | null; readonly isRepeated: boolean } {
  if (ref !== null) return { task: ref, isRepeated: false };
  const name = store.acceptedName(id, sender);
  const task = name && { name, priority: priority === undefined ? null : String(priority) };
  return { task: task || null, isRepeated: true };
}

const labelOf = (id: string) => taskLabel(refOf(id).name);
