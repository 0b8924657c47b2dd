/** One request to the dashboard, understood. */

import type { HttpRequest } from "../monitor/http_answer.ts";
import type { SiteParts, SiteSpool } from "./parts.ts";
import type { ActResult } from "./results.ts";
import { nameFromShown } from "../platform/name.ts";
import { isPriorityName, isTaskName } from "../spool/layout.ts";
import type { PlacedTask } from "../spool/inspected.ts";

/** What is wrong with a request, for the person who made it. */
export class AskError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export interface Ask {
  readonly request: HttpRequest;
  readonly parts: SiteParts;
  /** Of the path, behind the one that names the page. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  /** Whether this visitor may change something. */
  readonly mayAct: boolean;
  /** Whether this visitor may add a task. */
  readonly mayAdd: boolean;
  /** Proves that a form was got from here. */
  readonly token: string;
  /** Who it is, for the log. */
  readonly by: string;
  /** What came of what this one asked for before. */
  readonly result: ActResult | null;
}

/** @throws {AskError} */
export function mustAct({ mayAct }: Pick<Ask, "mayAct">): void {
  if (!mayAct) throw new AskError(403, "you may look at everything here, but change nothing");
}

/** @throws {AskError} for a path that no link of ours has */
export function segmentsOf(path: string): string[] {
  try {
    const segments = path.slice(1).split("/").map(decodeURIComponent);
    if (segments.some((each) => /[/\0]/.test(each))) throw new URIError();
    return segments;
  } catch {
    throw new AskError(400, "this path is malformed");
  }
}

/** @throws {AskError} */
export function spoolNamed(parts: SiteParts, name: string): SiteSpool {
  const spool = parts.spools().find((each) => each.name === name);
  if (spool === undefined) throw new AskError(404, "this program has no spool of that name");
  return spool;
}

/**
 * The task that `SPOOL/[failed/][PRIORITY/]NAME` names.
 *
 * @throws {AskError} when there is none
 */
export function taskAt(
  parts: SiteParts,
  segments: readonly string[],
): { readonly spool: SiteSpool; readonly task: PlacedTask } {
  const [spoolName = "", ...path] = segments;
  const spool = spoolNamed(parts, spoolName);
  const place = path[0] === "failed" ? "failed" : "queue";
  if (place === "failed") path.shift();
  const name = path.pop() ?? "";
  const priority = path.pop() ?? null;
  const isWrong = path.length > 0 || !isTaskName(name) ||
    priority !== null && !isPriorityName(priority);
  if (isWrong) throw new AskError(404, "there is no such task");
  for (const each of [name, nameFromShown(name)]) {
    const task = spool.inspector.find(each, priority).find((found) => found.place === place);
    if (task !== undefined) return { spool, task };
  }
  throw new AskError(404, "there is no such task: it is done, removed, or in another state by now");
}
