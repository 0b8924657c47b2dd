/** `spooler push` into a stream of NATS: as the forwarder does it, and waits where that is wanted. */

import { publishTask, UnfitTaskError } from "../nats/publish.ts";
import { systemClock } from "../platform/clock.ts";
import { reasonOf } from "../platform/reason.ts";
import { safeText } from "../report/safe_text.ts";
import { isoText } from "../report/task_summary.ts";
import type { StreamQueue } from "../cluster/stream_queue.ts";
import { AFTER_VAR } from "../task/after.ts";
import { funcOf, readRequest } from "../task/request.ts";
import { UNIQUE_VAR } from "../task/unique.ts";
import { findText, findVar } from "../wire/packet.ts";
import { ID_VAR, LONGEST_ID, withoutReserved } from "../wire/signature.ts";
import { UsageError } from "./error.ts";
import { CliOutput, note } from "./output.ts";
import { Progress } from "./progress.ts";
import type { PushedTask, PushFlags, PushOptions } from "./push.ts";
import { type Body, inMemory, openBody } from "./push_to.ts";
import { parseDurationOption } from "./duration_option.ts";
import { waitForMessage } from "./stream_wait.ts";
import { withStream } from "./stream_link.ts";
import { endJson, endText, exitCodeOf } from "./wait.ts";

const TIMEOUT_MS = 10_000;
/** As many as an edge has on their way. */
const AT_ONCE = 128;

/** A task that the stream has. */
interface StreamPut {
  readonly id: string;
  readonly task: PushedTask;
  readonly sequence: number;
  /** It was there before. */
  readonly existed: boolean;
}

export async function pushIntoStream(
  tasks: readonly PushedTask[],
  options: PushOptions,
  flags: PushFlags,
): Promise<number> {
  tasks.forEach(checkTask);
  const isJson = flags.has("json");
  return await withStream(options, async (queue) => {
    using body = await openBody(options["body-file"]);
    const lastFailed = await queue.lastFailed();
    const put = await putAll(queue, tasks, body);
    const output = new CliOutput();
    for (const each of put) {
      if (isJson && !flags.has("wait")) await output.json(putJson(each, queue.address));
      if (!isJson) await output.line(String(each.sequence));
    }
    await output.flush();
    if (!flags.has("wait")) return 0;
    const { timeout } = options;
    const timeoutMs = timeout === undefined ? Infinity : parseDurationOption("timeout", timeout);
    const endAt = systemClock.monotonic() + timeoutMs;
    let code = 0;
    for (const { id, sequence, task } of put) {
      const end = await waitForMessage(queue, { id, sequence, lastFailed, endAt });
      const own = exitCodeOf(end);
      const about = { spool: queue.address, function: funcOf(task), code: own };
      if (isJson) await output.json({ ...endJson(String(sequence), end, true), ...about });
      else if (end.kind !== "done") note(`${sequence}: ${endText(end)}`);
      code ||= own;
      await output.flush();
    }
    return code;
  });
}

/** @throws {UsageError} for what no stream can do */
function checkTask({ vars, line }: PushedTask): void {
  const where = line === null ? "push" : `push: line ${line}`;
  if (findVar(vars, AFTER_VAR)) {
    throw new UsageError(`${where}: a stream of NATS has no --after: tasks wait for none there`);
  }
  if (findVar(vars, UNIQUE_VAR)) {
    throw new UsageError(
      `${where}: a stream of NATS has no --unique: ${ID_VAR}=ID stores what has the same ID once`,
    );
  }
  const id = findText(vars, ID_VAR);
  if (id !== undefined && (!/^[\x21-\x7e]+$/.test(id) || id.length > LONGEST_ID)) {
    throw new UsageError(
      `${where}: ${ID_VAR} needs 1 to ${LONGEST_ID} printable ASCII characters: "${safeText(id)}"`,
    );
  }
  readRequest(vars);
}

async function putAll(
  queue: StreamQueue,
  tasks: readonly PushedTask[],
  body: Body,
): Promise<StreamPut[]> {
  const put: StreamPut[] = [];
  using progress = new Progress(() => tasks.length);
  for (let at = 0; at < tasks.length; at += AT_ONCE) {
    const some = tasks.slice(at, at + AT_ONCE).map((task) => putOne(queue, task, body));
    // All are waited for: one that fails leaves none behind whose fate nobody knows.
    await Promise.allSettled(some);
    for (const each of some) {
      const result = await each;
      progress.step();
      if (typeof result !== "string") put.push(result);
      else if (tasks.length === 1) throw new Error(`${queue.address}: ${result}`);
      else {
        throw new Error(
          `only the first ${put.length} of ${tasks.length} tasks are sure to be in the stream: ` +
            result,
        );
      }
    }
  }
  return put;
}

/** @returns why not, when it is not in the stream */
async function putOne(
  { link }: StreamQueue,
  task: PushedTask,
  body: Body,
): Promise<StreamPut | string> {
  const id = findText(task.vars, ID_VAR) ?? `push:${crypto.randomUUID()}`;
  const { vars, body: ownBody } = readRequest(task.vars).task;
  const { size, read } = ownBody instanceof Uint8Array ? inMemory(ownBody) : body;
  const message = { id, vars: withoutReserved(vars), bodySize: size, readBody: read };
  try {
    const answer = await publishTask(link, message, TIMEOUT_MS, systemClock.now());
    if (answer.kind !== "accepted") return `it accepts no task: ${answer.reason}`;
    const { sequence, isRepeated } = answer;
    if (sequence === null) return "it has it for another machine";
    return { id, task, sequence, existed: isRepeated };
  } catch (error) {
    if (error instanceof UnfitTaskError) throw new UsageError(`push: ${error.message}`);
    return reasonOf(error);
  }
}

function putJson({ id, task, sequence, existed }: StreamPut, address: string): object {
  const at = readRequest(task.vars).task.at;
  const startsAt = at === undefined ? null : isoText(at);
  const priority = findText(task.vars, "priority") ?? null;
  const name = String(sequence);
  return { name, id, spool: address, priority, function: funcOf(task), startsAt, existed };
}
