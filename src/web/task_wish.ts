/** Which tasks an address or a form means. */

import { type ListedStateKind, STATE_KINDS } from "../spool/inspected.ts";
import { AskError, spoolNamed } from "./ask.ts";
import type { SiteParts, SiteSpool } from "./parts.ts";
import type { Cursor, TaskQuery } from "./task_list.ts";

const PAGE_SIZE = 50;
const MOST_PAGE_SIZE = 1000;
export const LONGEST_TEXT = 500;
/** What an address or a form says of the tasks that are meant. */
export const FILTERS = ["spool", "state", "function", "q", "older"] as const;

/** What the address asks for. */
export interface TaskWish {
  readonly spools: readonly SiteSpool[];
  readonly query: TaskQuery;
  readonly after: Cursor | null;
  readonly limit: number;
}

/** @throws {AskError} */
export function wishOf(parts: SiteParts, query: URLSearchParams): TaskWish {
  const text = (name: string) => {
    const given = query.get(name)?.trim() ?? "";
    if (given.length > LONGEST_TEXT) throw new AskError(400, `${name} is too long`);
    return given === "" ? undefined : given;
  };
  const [spool, state, func, search, older] = FILTERS.map(text);
  const madeBefore = older === undefined ? undefined : parts.clock.now() - secondsOf(older) * 1000;
  return {
    spools: spool === undefined ? parts.spools() : [spoolNamed(parts, spool)],
    query: {
      ...(state === undefined ? {} : { states: state.split(",").map(stateOf) }),
      ...(func === undefined ? {} : { func }),
      ...(search === undefined ? {} : { search }),
      ...(madeBefore === undefined ? {} : { madeBefore }),
    },
    after: cursorOf(text("after")),
    limit: limitOf(text("limit")),
  };
}

function stateOf(text: string): ListedStateKind {
  const state = STATE_KINDS.find((kind) => kind === text);
  if (state === undefined) {
    throw new AskError(400, `state must be one or more of ${STATE_KINDS.join(",")}`);
  }
  return state;
}

function secondsOf(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new AskError(400, "older must be a number of seconds");
  return Number(text);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return PAGE_SIZE;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_PAGE_SIZE) return limit;
  throw new AskError(400, `limit must be a number from 1 to ${MOST_PAGE_SIZE}`);
}

export function cursorText({ madeAt, key }: Cursor): string {
  return `${madeAt}:${key}`;
}

function cursorOf(text: string | undefined): Cursor | null {
  if (text === undefined) return null;
  const [, made, key] = /^(\d{1,14}(?:\.\d{1,6})?):(.+)$/s.exec(text) ?? [];
  if (made === undefined || key === undefined) {
    throw new AskError(400, "after must be the next of the page before");
  }
  return { madeAt: Number(made), key };
}
