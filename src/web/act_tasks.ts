/** Retries, removes and ends tasks: those that are named, or all that a filter matches. */

import { KILL_FATES, type KillFate } from "../task/outcome.ts";
import type { Changed } from "../spool/task.ts";
import type { KillResult } from "../queue/kill_result.ts";
import { type PlacedTask } from "../spool/inspected.ts";
import { type ListFilter, matcher } from "../spool/matching.ts";
import { taskId } from "../spool/layout.ts";
import { shortId } from "../report/task_name.ts";
import { type Ask, AskError, segmentsOf, taskAt } from "./ask.ts";
import type { SiteSpool } from "./parts.ts";
import { ActResult } from "./results.ts";
import { runningNow } from "./running_tasks.ts";
import { isFoundBy } from "./task_list.ts";
import { wishOf } from "./task_wish.ts";
import { Turns } from "./turns.ts";

export const TASK_VERBS = ["retry", "remove", "kill"] as const;
export type TaskVerb = typeof TASK_VERBS[number];

export const PAST: Readonly<Record<TaskVerb, string>> = {
  retry: "retried",
  remove: "removed",
  kill: "ended",
};

/** In which states a task may be for it, when all that match are meant. */
export const STATES_FOR: Readonly<Record<TaskVerb, readonly string[]>> = {
  retry: ["failed", "deferred"],
  remove: ["failed", "deferred", "ready"],
  kill: ["running"],
};

/** @throws {AskError} */
export function taskVerbOf(fields: URLSearchParams): TaskVerb {
  const verb = TASK_VERBS.find((each) => each === fields.get("do"));
  if (verb === undefined) throw new AskError(400, `do must be one of ${TASK_VERBS.join(", ")}`);
  return verb;
}

export function killFateOf(fields: URLSearchParams): KillFate {
  const given = fields.get("fate") ?? "fail";
  const fate = KILL_FATES.find((each) => each === given);
  if (fate === undefined) throw new AskError(400, `fate must be one of ${KILL_FATES.join(", ")}`);
  return fate;
}

interface MeantTask {
  readonly spool: SiteSpool;
  readonly task: PlacedTask;
}

/** @returns what grows while it goes on, and its end */
export function actOnTasks(
  ask: Ask,
  fields: URLSearchParams,
): { readonly result: ActResult; readonly over: Promise<void> } {
  const verb = taskVerbOf(fields);
  const isAll = fields.get("all") === "yes";
  const names = fields.getAll("task");
  if (!isAll && names.length === 0) throw new AskError(400, "choose at least one task");
  const count = Number(fields.get("count"));
  const of = isAll ? (count > 0 ? count : null) : names.length;
  const result = new ActResult(PAST[verb], "task", of);
  const act = actorOf(ask, verb, fields, result);
  const over = isAll ? onAll(ask, verb, fields, act) : onNamed(ask, names, act, result);
  return { result, over: over.finally(() => result.isOver = true) };
}

type Act = (target: MeantTask) => Promise<void>;

function actorOf(
  { parts, by }: Ask,
  verb: TaskVerb,
  fields: URLSearchParams,
  result: ActResult,
): Act {
  const { actions } = parts;
  const fate = killFateOf(fields);
  return async ({ spool, task }) => {
    const at = { spool: spool.dir, id: taskId(task), place: task.place };
    const problem = verb === "kill"
      ? killProblem(await actions.kill(by, at, { fate, signal: null }))
      : changeProblem(await actions[verb](by, at));
    if (problem === null) result.done++;
    else result.problem(`${shortId(task)}: ${problem}`);
  };
}

async function onNamed(
  { parts }: Ask,
  names: readonly string[],
  act: Act,
  result: ActResult,
): Promise<void> {
  const turns = new Turns(parts.clock);
  for (const name of names) {
    await turns.give();
    let target: MeantTask;
    try {
      target = taskAt(parts, segmentsOf(`/${name}`));
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      result.problem(error.message);
      continue;
    }
    await act(target);
  }
}

async function onAll(ask: Ask, verb: TaskVerb, fields: URLSearchParams, act: Act): Promise<void> {
  // All are found first: what fails again meanwhile would be found again.
  const meant: MeantTask[] = [];
  for await (const { spool, task: { name, priority, place } } of allThatMatch(ask, verb, fields)) {
    meant.push({ spool, task: { name, priority, place } });
  }
  const turns = new Turns(ask.parts.clock);
  for (const each of meant) {
    await act(each);
    await turns.give();
  }
}

/** How many there are now. */
export async function countAll(ask: Ask, verb: TaskVerb, fields: URLSearchParams): Promise<number> {
  let count = 0;
  for await (const _ of allThatMatch(ask, verb, fields)) count++;
  return count;
}

async function* allThatMatch(
  { parts }: Ask,
  verb: TaskVerb,
  fields: URLSearchParams,
): AsyncGenerator<MeantTask> {
  const wish = wishOf(parts, fields);
  const { states = [], search } = wish.query;
  if (states.length === 0 || !states.every((state) => STATES_FOR[verb].includes(state))) {
    throw new AskError(
      400,
      `to ${verb} all that match, say in which state: ${STATES_FOR[verb].join(" or ")}`,
    );
  }
  if (verb === "kill") {
    const { found } = await runningNow(parts, { ...wish, limit: Infinity });
    return yield* found;
  }
  const filter: ListFilter = { ...wish.query, ...madeBefore(fields) };
  const turns = new Turns(parts.clock);
  for (const spool of wish.spools) {
    const match = matcher(spool.inspector, filter, () => true);
    for (const tasks of spool.inspector.list(filter)) {
      for (const placed of tasks) {
        // Few of many may match: those that do not take time, too.
        await turns.give();
        const task = match(placed);
        if (task !== null && isFoundBy(task, search)) yield { spool, task };
      }
    }
  }
}

/** What came in since the question was asked was not counted, and is not meant. */
function madeBefore(fields: URLSearchParams): ListFilter {
  const before = Number(fields.get("before"));
  return before > 0 ? { madeBefore: before } : {};
}

function changeProblem(changed: Changed): string | null {
  switch (changed.kind) {
    case "changed":
      return null;
    case "unchanged":
      return "is ready already";
    case "running":
      return "runs now";
    case "gone":
      return "is gone";
    case "refused":
      return changed.reason;
    default:
      return changed satisfies never;
  }
}

export function killProblem(killed: KillResult): string | null {
  switch (killed.kind) {
    case "ended":
      return killed.fate === null ? "ended, and what became of it could not be written" : null;
    case "not running":
      return killed.state === null ? "does not run here" : `does not run: ${killed.state}`;
    case "refused":
      return killed.reason;
    default:
      return killed satisfies never;
  }
}
