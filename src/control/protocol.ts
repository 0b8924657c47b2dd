/**
 * What is said on a control socket: the client sends one line of JSON, the program answers with one and hangs
 * up. ARCHITECTURE.md has the table. @pure
 */

import type { KillWish } from "../exec/kill_order.ts";
import { isJsonObject, type JsonObject } from "../platform/json.ts";
import { signalNamed } from "../platform/signal_name.ts";
import type { KillResult } from "../queue/kill_result.ts";
import type { ProgramSnapshot, ReachedLimit } from "../report/snapshot.ts";
import { safeText } from "../report/safe_text.ts";
import { KILL_FATES, type KillFate } from "../task/outcome.ts";
import type { RunJobResult } from "./actions.ts";

/** Grows when an older program would misunderstand a request. */
export const CONTROL_VERSION = 1;
export const MOST_REQUEST_BYTES = 16 * 1024;

/** A task is one of the socket's spool: `NAME` or `<digits>/NAME`. */
export type ControlRequest =
  | { readonly do: "snapshot" }
  | { readonly do: "limit"; readonly task: string }
  | { readonly do: "kill"; readonly by: string; readonly task: string; readonly wish: KillWish }
  | { readonly do: "kill-job"; readonly by: string; readonly job: string; readonly wish: KillWish }
  | { readonly do: "run-job"; readonly by: string; readonly job: string };

/** What each request is answered with. */
export interface ControlResults {
  readonly snapshot: ProgramSnapshot;
  /** What a ready task waits for. */
  readonly limit: ReachedLimit | null;
  readonly kill: KillResult;
  readonly "kill-job": KillResult;
  readonly "run-job": RunJobResult;
}

export function requestLine(request: ControlRequest): string {
  return `${JSON.stringify({ spooler: CONTROL_VERSION, ...request })}\n`;
}

/** @throws {SyntaxError} that says what is wrong with it */
export function readControlRequest(line: string): ControlRequest {
  const fields = objectIn(parsed(line), "a request");
  if (fields["spooler"] !== CONTROL_VERSION) {
    throw new SyntaxError(
      `this program speaks version ${CONTROL_VERSION} of the control protocol, not ` +
        `${shown(fields["spooler"])}: use the spooler that it runs`,
    );
  }
  const kind = fields["do"];
  switch (kind) {
    case "snapshot":
      return { do: kind };
    case "limit":
      return { do: kind, task: textIn(fields, "task") };
    case "kill":
      return { do: kind, by: byOf(fields), task: textIn(fields, "task"), wish: wishOf(fields) };
    case "kill-job":
      return { do: kind, by: byOf(fields), job: textIn(fields, "job"), wish: wishOf(fields) };
    case "run-job":
      return { do: kind, by: byOf(fields), job: textIn(fields, "job") };
    default:
      throw new SyntaxError(`there is no request ${shown(kind)}`);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new SyntaxError("a request is one line of JSON");
  }
}

function objectIn(value: unknown, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw new SyntaxError(`${what} must be an object: ${shown(value)}`);
}

function textIn(fields: JsonObject, name: string): string {
  const value = fields[name];
  if (typeof value === "string") return value;
  throw new SyntaxError(`${name} must be a text: ${shown(value)}`);
}

const MOST_BY = 100;

/** It goes into the log and into records. */
function byOf(fields: JsonObject): string {
  return safeText(textIn(fields, "by").slice(0, MOST_BY));
}

function wishOf(fields: JsonObject): KillWish {
  const wish = objectIn(fields["wish"], "wish");
  const fate: KillFate | undefined = KILL_FATES.find((each) => each === wish["fate"]);
  if (fate === undefined) {
    throw new SyntaxError(`fate must be one of ${KILL_FATES.join(", ")}: ${shown(wish["fate"])}`);
  }
  if (wish["signal"] === null) return { fate, signal: null };
  const signal = signalNamed(textIn(wish, "signal"));
  if (signal === undefined) throw new SyntaxError(`unknown signal ${shown(wish["signal"])}`);
  return { fate, signal };
}

const shown = (value: unknown) => (JSON.stringify(value) ?? "nothing").slice(0, 200);
