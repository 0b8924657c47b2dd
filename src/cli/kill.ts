/** `spooler kill`: ends what runs, and says what becomes of it. */

import type { ControlRequest } from "../control/protocol.ts";
import type { KillWish } from "../exec/kill_order.ts";
import { SIGNAL_NAMES, signalNamed } from "../platform/signal_name.ts";
import type { KillResult } from "../queue/kill_result.ts";
import { safeText } from "../report/safe_text.ts";
import { taskId } from "../spool/layout.ts";
import { KILL_FATES, type KillFate } from "../task/outcome.ts";
import { readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { asked, type AskedPlace, type OpenPlaces, openPlaces, whoAsks } from "./programs.ts";
import {
  findTask,
  type Located,
  missText,
  type OpenSpool,
  type TaskMatch,
  taskWords,
  WHERE,
} from "./spools.ts";

/** What came of one NAME. */
interface Killed {
  readonly name: string;
  readonly result: KillResult | { readonly kind: "no program" | "unknown" };
  readonly ok: boolean;
  readonly text: string;
}

export async function kill(args: readonly string[]): Promise<number> {
  const { options, flags, words } = readArgs("kill", args, [...WHERE, "signal"], [
    ...KILL_FATES,
    "json",
  ]);
  if (words.length === 0) throw new UsageError("kill needs the NAME of a task or a job that runs");
  const wish = { fate: fateOf(KILL_FATES.filter((each) => flags.has(each))), ...signalOf(options) };
  const names = taskWords(words);
  const open = await openPlaces("kill", options, names);
  const output = new CliOutput();
  let allWell = true;
  for (const name of names) {
    const killed = await explainDenial("kill", open.spools, () => killOne(open, name, wish));
    if (!killed.ok) allWell = false;
    await say(killed, flags.has("json"), output);
  }
  await output.flush();
  return allWell ? 0 : 1;
}

function fateOf([fate = "fail", other]: readonly KillFate[]): KillFate {
  if (other === undefined) return fate;
  throw new UsageError(`kill takes one of --fail, --retry and --remove`);
}

function signalOf({ signal: text }: { readonly signal?: string }): Pick<KillWish, "signal"> {
  if (text === undefined) return { signal: null };
  const signal = signalNamed(text);
  if (signal !== undefined) return { signal };
  throw new UsageError(`kill: --signal is one of ${SIGNAL_NAMES.join(", ")}: "${text}"`);
}

async function killOne(
  { spools, places, foreground }: OpenPlaces,
  word: string,
  wish: KillWish,
): Promise<Killed> {
  const named = taskNamed(spools, word);
  if (named.kind === "one") return await killTask(named, word, wish);
  if (named.kind === "many") {
    return { name: word, result: { kind: "unknown" }, ok: false, text: missText(word, named) };
  }
  return await killJob(places, foreground === null ? [] : [foreground], word, wish);
}

/** What can be the name of no task may be that of a job. */
function taskNamed(spools: readonly OpenSpool[], word: string): TaskMatch {
  try {
    return spools.length === 0 ? { kind: "none" } : findTask(spools, word);
  } catch (error) {
    if (error instanceof UsageError) return { kind: "none" };
    throw error;
  }
}

async function killTask({ spool, task }: Located, name: string, wish: KillWish): Promise<Killed> {
  const state = spool.inspector.inspect(task)?.state.kind ?? "gone";
  if (task.place === "failed") return idle(name, "failed");
  const request = { do: "kill", by: whoAsks(), task: taskId(task), wish } as const;
  const result = await firstResult([spool], request);
  if (result === null || result.kind === "not running" && state === "running") {
    const text = state === "running"
      ? `another program runs it, and no running spooler answers for it in ${spool.dir}`
      : `no running spooler answers in ${spool.dir}; it is ${state}`;
    return { name, result: { kind: "no program" }, ok: false, text };
  }
  return result.kind === "not running" ? idle(name, result.state ?? state) : killed(name, result);
}

/** @param foreground where `run-job` may run it, too */
async function killJob(
  places: readonly AskedPlace[],
  foreground: readonly AskedPlace[],
  name: string,
  wish: KillWish,
): Promise<Killed> {
  const request = { do: "kill-job", by: whoAsks(), job: name, wish } as const;
  const ofPrograms = await firstResult(places, request);
  const ofCommands = await firstResult(foreground, request);
  const isOfCommand = ofCommands !== null && ofCommands.kind !== "not running" &&
    ofPrograms?.kind !== "ended";
  const result = isOfCommand ? ofCommands : ofPrograms;
  if (result === null) {
    const text = "no such task, and no running spooler answers that may have such a job";
    return { name, result: { kind: "no program" }, ok: false, text };
  }
  if (result.kind !== "not running") return killed(name, result);
  if (result.state !== null) return idle(name, result.state);
  return { name, result: { kind: "unknown" }, ok: false, text: "no such task or job" };
}

/** Of the programs, the one that runs it, or else one that knows it; null when none answers. */
async function firstResult(
  places: readonly AskedPlace[],
  request: Extract<ControlRequest, { do: "kill" | "kill-job" }>,
): Promise<KillResult | null> {
  let found: KillResult | null = null;
  for (const place of places) {
    for await (const result of asked(place, request)) {
      if (result.kind !== "not running") return result;
      if (found === null || result.state !== null) found = result;
    }
  }
  return found;
}

function idle(name: string, state: string): Killed {
  const result = { kind: "not running", state } as const;
  return { name, result, ok: false, text: `does not run: it is ${state}` };
}

function killed(name: string, result: KillResult): Killed {
  if (result.kind !== "ended") {
    const text = result.kind === "refused" ? `not killed: ${result.reason}` : "does not run";
    return { name, result, ok: false, text };
  }
  const { fate } = result;
  switch (fate) {
    case "failed":
      return { name, result, ok: true, text: "killed: failed" };
    case "ready":
      return { name, result, ok: true, text: "killed: ready to run again" };
    case "removed":
      return { name, result, ok: true, text: "killed: removed" };
    case null:
      return { name, result, ok: false, text: "killed; what becomes of it cannot be written now" };
    default:
      return { name, result, ok: false, text: `ended by itself before it was killed: ${fate}` };
  }
}

async function say({ name, result, ok, text }: Killed, asJson: boolean, output: CliOutput) {
  if (asJson) {
    const fate = result.kind === "ended" ? result.fate : null;
    return await output.json({ name, result: result.kind, fate, ...(ok ? {} : { reason: text }) });
  }
  const line = `${safeText(name)}: ${safeText(text)}`;
  if (ok) return await output.line(line);
  await output.flush();
  note(line);
}
