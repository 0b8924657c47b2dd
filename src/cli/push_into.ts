/** `spooler push` into a spool directory: puts tasks, and waits for them where that is wanted. */

import { resolve } from "@std/path";
import type { Config } from "../config/config.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { safeText } from "../report/safe_text.ts";
import { destinationFor, destinationsOf } from "../server/destination.ts";
import type { TaskRef } from "../spool/layout.ts";
import { openPlatform } from "../spool/platform.ts";
import { Store } from "../spool/store.ts";
import type { NewTask } from "../task/new_task.ts";
import { funcOf, readRequest } from "../task/request.ts";
import { SHELL_FUNCTION } from "../task/shell_task.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { handlerProblem } from "../app/no_handler.ts";
import { CliOutput, note } from "./output.ts";
import type { PushedTask, PushFlags, PushOptions } from "./push.ts";
import { parseDurationOption } from "./duration_option.ts";
import { isDirectory } from "./there.ts";
import type { OpenSpool } from "./spools.ts";
import { shortId } from "../report/task_name.ts";
import { isoText } from "../report/task_summary.ts";
import { Progress } from "./progress.ts";

type PushTarget = Pick<SpoolConfig, "dir" | "fsync" | "limits">;

/** A task and the spool it is for. */
interface Addressed {
  readonly task: NewTask;
  readonly func: string;
  readonly spool: PushTarget;
}

/** A task that is in its spool. */
interface PutTask extends Addressed {
  readonly ref: TaskRef;
  /** It is another task, which was there before and has its key. */
  readonly existed: boolean;
}

/** Puts that wait for the disk at the same time. */
const PUTS_AT_ONCE = 64;

/** @param config of the ini whose spools they go into; null for --dir */
export async function pushInto(
  tasks: readonly PushedTask[],
  config: Config | null,
  options: PushOptions,
  flags: PushFlags,
): Promise<number> {
  const spoolOf = config === null
    ? await spoolOfDirectory(options.dir as string, flags)
    : spoolsOfIni(config);
  const addressed = tasks.map((task) => addressOf(task, spoolOf));
  const body = options["body-file"] === undefined
    ? undefined
    : await openBody(options["body-file"]);
  const put = await explainDenial(
    "push",
    addressed.map(({ spool }) => spool),
    () => putAll(body ? addressed.map((each) => withBody(each, body)) : addressed),
  );
  const output = new CliOutput();
  const isJson = flags.has("json");
  if (!isJson) { for (const { ref } of put) await output.line(ref.name); }
  else if (!flags.has("wait")) { for (const each of put) await output.json(putJson(each)); }
  await output.flush();
  if (!flags.has("wait")) return 0;
  const { timeout } = options;
  const timeoutMs = timeout === undefined ? Infinity : parseDurationOption("timeout", timeout);
  return await waitForAll(put, { timeoutMs, isJson, output });
}

function putJson({ ref, spool, func, existed, task: { at, after } }: PutTask): object {
  const startsAt = at === undefined || after !== undefined ? null : isoText(at);
  const { dir } = spool;
  return { name: ref.name, spool: dir, priority: ref.priority, function: func, startsAt, existed };
}

/** Which spool a task goes into, by --dir, or by the ini and what the task says. */
type SpoolOf = (spooler: string | undefined, func: string) => PushTarget;

async function spoolOfDirectory(dir: string, flags: PushFlags): Promise<SpoolOf> {
  if (!flags.has("create") && !await isDirectory(dir)) {
    throw new UsageError(`push: --dir is not a directory (--create makes it): "${dir}"`);
  }
  const spool: PushTarget = {
    dir: resolve(dir),
    fsync: true,
    limits: { maxFiles: null, minFreeBytes: null },
  };
  return () => spool;
}

function spoolsOfIni(config: Config): SpoolOf {
  const destinations = destinationsOf(config);
  const noted = new Set<string>();
  return (spooler, func) => {
    const spool = destinationFor(destinations, spooler)?.spool;
    if (!spool) {
      throw new UsageError(
        spooler === undefined
          ? `${config.file} has no spooler`
          : `${config.file} has no such spooler: "${spooler}"`,
      );
    }
    const problem = handlerProblem(config, spool, func);
    if (problem === null) return spool;
    if (func === SHELL_FUNCTION) throw new UsageError(problem);
    if (!noted.has(problem)) note(`warning: ${problem}`);
    noted.add(problem);
    return spool;
  };
}

function addressOf({ vars, line }: PushedTask, spoolOf: SpoolOf): Addressed {
  const { task, spooler } = readRequest(vars);
  const func = funcOf({ vars });
  try {
    return { task, func, spool: spoolOf(spooler, func) };
  } catch (error) {
    if (line === null || !(error instanceof UsageError)) throw error;
    throw new UsageError(`push: line ${line}: ${error.message}`);
  }
}

function withBody(addressed: Addressed, body: AsyncIterable<Uint8Array>): Addressed {
  return { ...addressed, task: { ...addressed.task, body } };
}

/** Each is on disk when this resolves. When one cannot be put, the error says how many were. */
async function putAll(tasks: readonly Addressed[]): Promise<PutTask[]> {
  const stores = new Map<PushTarget, Store>();
  for (const { spool } of tasks) {
    if (!stores.has(spool)) stores.set(spool, await openStore(spool));
  }
  const put: PutTask[] = [];
  using progress = new Progress(() => tasks.length);
  try {
    for (let at = 0; at < tasks.length; at += PUTS_AT_ONCE) {
      const some = tasks.slice(at, at + PUTS_AT_ONCE).map(async (each): Promise<PutTask> => {
        let existed = true;
        const store = stores.get(each.spool) as Store;
        const ref = await store.put(each.task, () => existed = false);
        return { ...each, ref, existed };
      });
      // All are waited for: one that fails leaves none behind whose fate nobody knows.
      await Promise.allSettled(some);
      for (const each of some) {
        put.push(await each);
        progress.step();
      }
    }
    return put;
  } catch (error) {
    if (tasks.length === 1) throw error;
    throw new Error(
      `only the first ${put.length} of ${tasks.length} tasks are sure to be in the spool: ` +
        reasonOf(error),
    );
  } finally {
    for (const store of stores.values()) store.close();
  }
}

async function openStore({ dir, fsync, limits }: PushTarget): Promise<Store> {
  const common = { clock: systemClock, random: systemRandom, ...openPlatform() };
  return await Store.open({ dir, fsync, limits, ...common });
}

interface WaitOptions {
  readonly timeoutMs: number;
  readonly isJson: boolean;
  readonly output: CliOutput;
}

/** Exit code 0: all are done; else that of the first command that was given up, or 1. */
async function waitForAll(
  tasks: readonly PutTask[],
  { timeoutMs, isJson, output }: WaitOptions,
): Promise<number> {
  const { endJson, endText, exitCodeOf, waitFor } = await import("./wait.ts");
  const { openEach } = await import("./spools.ts");
  const spools = new Map<PushTarget, OpenSpool>();
  let code = 0;
  const endAt = systemClock.monotonic() + timeoutMs;
  // One after the other: the last to end decides how long it takes.
  for (const { spool, ref, func } of tasks) {
    const open = spools.get(spool) ?? openEach("push", [spool], false)[0] as OpenSpool;
    spools.set(spool, open);
    const name = shortId(ref);
    const end = await waitFor({ spool: open, task: { ...ref, place: "queue" } }, {
      timeoutMs: endAt - systemClock.monotonic(),
      failed: ({ failures, reason }) => {
        if (!isJson) {
          note(`${name}: attempt ${failures} failed: ${safeText(reason)}; it runs again`);
        }
      },
    });
    const own = exitCodeOf(end);
    if (isJson) {
      await output.json({
        ...endJson(ref.name, end, true),
        spool: spool.dir,
        function: func,
        code: own,
      });
    } else if (end.kind !== "done") {
      note(`${name}: ${endText(end)}`);
    }
    code ||= own;
    await output.flush();
  }
  return code;
}

async function openBody(file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === "-") return Deno.stdin.readable;
  try {
    return (await Deno.open(file)).readable;
  } catch (error) {
    throw new UsageError(`--body-file cannot be read: ${reasonOf(error)}`);
  }
}
