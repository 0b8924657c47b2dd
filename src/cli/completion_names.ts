/** Names for the completion of a command line: of tasks, functions and jobs. Nothing runs for it. */

import type { Config } from "../config/config.ts";
import type { TaskModule } from "../worker/settings.ts";
import type { NamedSite } from "./completion_words.ts";
import { matching } from "../spool/matching.ts";
import { iniArgs, loadIni } from "./ini.ts";
import { isStream, openSpools, openSpoolsOf } from "./spools.ts";
import { placedId } from "../report/task_name.ts";
import { summaryOf } from "../report/task_summary.ts";
import { TASK_PREFIX } from "../spool/layout.ts";

/** Nobody chooses from more; a huge spool is not read for it. */
const MOST_NAMES = 200;

export async function taskNames(
  { typed, command, where }: {
    readonly typed: string;
    readonly command: string;
    readonly where: NamedSite;
  },
): Promise<readonly string[]> {
  const states = command === "retry" ? ["failed", "deferred"] as const : undefined;
  if (isStream(where.dir)) return await streamTaskNames(typed, command, where);
  const names: string[] = [];
  for (const spool of await openSpools(command, given(where))) {
    for (const task of matching(spool.inspector, states === undefined ? {} : { states })) {
      if (command === "remove" && task.state.kind === "running") continue;
      const name = placedId(task);
      const short = name.replace(TASK_PREFIX, "");
      const found = [short, name].find((each) => each.startsWith(typed));
      if (found !== undefined) names.push(found);
      if (names.length >= MOST_NAMES) return names;
    }
  }
  return names.toSorted();
}

async function streamTaskNames(
  typed: string,
  command: string,
  where: NamedSite,
): Promise<readonly string[]> {
  const { withStream } = await import("./stream_link.ts");
  return await withStream(given(where), async (queue) => {
    const names: string[] = [];
    for await (const { name } of queue.list(command === "retry" ? { states: ["failed"] } : {})) {
      if (name.startsWith(typed) && names.push(name) >= MOST_NAMES) break;
    }
    return names;
  });
}

/** Of commands, of task modules by their text, and of the tasks that are there. */
export async function functionNames({ where }: { readonly where: NamedSite }): Promise<string[]> {
  const names = new Set<string>();
  const config = where.dir === undefined ? await load(where) : null;
  for (const { name } of config?.tasks ?? []) if (name !== null) names.add(name);
  for (const module of config?.code.modules ?? []) {
    for (const name of await functionsIn(module)) names.add(name);
  }
  const spools = config === null
    ? await openSpools("list", given(where))
    : openSpoolsOf("list", config);
  for (const spool of spools) {
    let seen = 0;
    for (const task of matching(spool.inspector, {})) {
      const { func } = summaryOf(task);
      if (func !== null) names.add(new TextDecoder().decode(func));
      if (++seen >= MOST_NAMES) break;
    }
  }
  return [...names].toSorted();
}

const JAVASCRIPT = /^export\s+(?:(?:async\s+)?function\*?|const)\s+([\w$]+)/gm;
const PYTHON = /^@(?:\w+\.)?spool\w*\b.*\n(?:@.*\n)*(?:async\s+)?def\s+(\w+)/gm;

async function functionsIn({ kind, name, language }: TaskModule): Promise<string[]> {
  if (kind !== "file") return [];
  const text = await Deno.readTextFile(name).catch(() => "");
  const pattern = language === "python" ? PYTHON : JAVASCRIPT;
  return [...text.matchAll(pattern)].flatMap(([, found]) => found ?? []);
}

export async function jobNames(
  { where }: { readonly where: NamedSite },
): Promise<readonly string[]> {
  return (await load(where))?.schedules.map(({ name }) => name) ?? [];
}

async function load({ ini }: NamedSite): Promise<Config | null> {
  const args = iniArgs(ini);
  return args === null ? null : (await loadIni(args)).config;
}

/** Absent, and not undefined, is what the person has not said. */
function given({ ini, dir }: NamedSite) {
  const login = ini === undefined || dir !== undefined && !isStream(dir) ? {} : { ini };
  return dir === undefined ? login : { dir, ...login };
}
