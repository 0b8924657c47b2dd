/** What a configuration would do, for the person who is about to start it, and for machines. */

import { harmlessJson } from "../report/safe_text.ts";
import type { Config } from "../config/config.ts";
import type { ForwardConfig } from "../forward/settings.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import type { ModuleOffer } from "../app/module_check.ts";
import { jobDirectory } from "../app/job_directory.ts";
import type { Loaded } from "../config/load.ts";
import { settingText } from "../platform/duration_text.ts";
import { placeText, problemText } from "../platform/problem.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { actionText } from "../schedule/action.ts";
import { comingTimes } from "../schedule/upcoming.ts";
import { wallText } from "../schedule/wall_text.ts";
import { commandSettings, limitsText, timesText } from "./limits_text.ts";
import { streamText } from "./plan_streams.ts";
import { LINE_MAX, wrap } from "./wrap.ts";
import { zoneOfJob } from "./schedules.ts";
import { addressText, isAbstract } from "../wire/address.ts";
import { counted } from "../platform/count_text.ts";

const TIMES = 3; // Coming times of a schedule that are shown.

/** A configuration, and what its modules were found to offer. */
export interface PlannedConfig extends Loaded {
  readonly offers: readonly ModuleOffer[];
  /** What the code registers, by the rules of the running program. */
  readonly registered: readonly ScheduleConfig[];
  /** What the servers of streams say, where they were asked. */
  readonly found: readonly string[];
}

/** @param now milliseconds since the epoch */
export function planText(
  { config, warnings, secrets, offers, registered, found }: PlannedConfig,
  now: number,
): string {
  const sections = [
    section("Spools", config.spools.map((spool) => spoolText(spool, config))),
    section("Forwards", config.forwards.map(forwardText)),
    section("Streams", config.streams.map((each) => streamText(each, failingText(each.spool)))),
    section("Servers of streams", found),
    section("Tasks", tasksText(config)),
    section("Limits", limitsText(config)),
    section("Modules", modulesText(config)),
    section("Functions", offers.flatMap(functionsText)),
    section("Registered by code", registered.map((job) => scheduleText(job, config, now))),
    section("Sockets", socketsText(config)),
    section("Schedules", config.schedules.map((schedule) => scheduleText(schedule, config, now))),
    section("Warnings", warnings.map((warning) => wrap(problemText(warning), 4))),
  ];
  const verdict = warnings.length === 0
    ? `${config.file} is fine.`
    : `${config.file} can start, with ${counted(warnings.length, "warning")}.`;
  const { spools, forwards, streams, schedules } = config;
  const idle = spools.length + forwards.length + streams.length + schedules.length === 0
    ? "\nIt has no spooler and no schedule: there is nothing to do.\n"
    : "";
  return secrets.mask(`${verdict}\n${idle}${sections.join("")}`.trimEnd());
}

/** The same for machines: the typed configuration, the coming times in ISO 8601, the warnings. */
export function planJson(
  { config, warnings, secrets, offers }: PlannedConfig,
  now: number,
): string {
  const { options: _repeated, ...code } = config.code;
  const plan = {
    ok: true,
    ...config,
    code,
    offers,
    schedules: config.schedules.map((schedule) => ({
      ...schedule,
      directory: jobDirectory(config, schedule),
      next: nextTimes(schedule, now).map((at) => new Date(at).toISOString()),
    })),
    warnings: warnings.map(({ place, message }) => ({ ...place, message })),
  };
  const plain = (key: string, value: unknown) => {
    if (value instanceof Set) return [...value];
    return typeof value === "string" ? secrets.maskValue(key, value) : value;
  };
  return harmlessJson(JSON.stringify(plan, plain, 2));
}

function section(title: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  return `\n${title}\n${items.map((item) => `  ${item}\n`).join("")}`;
}

function spoolText(spool: SpoolConfig, config: Config): string {
  const { limits, rate } = spool;
  if (spool.external) {
    const lines = [spool.dir, "accepts tasks; another program runs them"];
    return [...lines, ...rolesOf(spool, config)].join("\n      ");
  }
  const work = [
    spool.processes === 1 ? "one task at a time" : `${spool.processes} tasks at a time`,
    `a scan every ${settingText(spool.frequencyMs)}`,
    spool.harakiriMs === null ? "no harakiri" : `harakiri after ${settingText(spool.harakiriMs)}`,
    ...(spool.ordered ? ["strict order"] : []),
    ...(rate === null ? [] : [`at most ${rate.count} in ${settingText(rate.perMs)}`]),
    spool.fsync ? "durable" : "NOT durable (spooler-fsync = false)",
  ];
  const full = [
    ...(limits.maxFiles === null ? [] : [`it holds ${counted(limits.maxFiles, "task")}`]),
    ...(limits.minFreeBytes === null ? [] : [`${limits.minFreeBytes} bytes are free`]),
  ];
  const lines = [
    spool.dir,
    work.join(", "),
    `failing tasks: ${failingText(spool)}`,
    ...(full.length === 0 ? [] : [`refuses new tasks when ${full.join(", or when fewer than ")}`]),
    `runs in ${spool.cwd}`,
    ...rolesOf(spool, config),
  ];
  return lines.join("\n      ");
}

/** What only one of several spools does. */
function rolesOf(spool: SpoolConfig, config: Config): string[] {
  const { spools, forwards, code } = config;
  if (spools.length + forwards.length < 2) return [];
  return [
    ...(spool === spools[0] ? ["gets tasks that name no spool"] : []),
    ...(code.modules.length > 0 && spool === spoolOfSignals(config)
      ? ["runs the timers, crons and signals of task code"]
      : []),
  ];
}

function failingText({ retry, maxAgeMs, failedMaxAgeMs, onFailure }: SpoolConfig): string {
  const tries = retry.maxRetries === 0
    ? "retried without end"
    : `retried ${timesText(retry.maxRetries)}, then kept in failed/`;
  return [
    tries,
    `first after ${settingText(retry.delayMs)}, then doubling up to ${
      settingText(retry.maxDelayMs)
    }`,
    ...(maxAgeMs === null ? [] : [`given up when older than ${settingText(maxAgeMs)}`]),
    ...(failedMaxAgeMs === null
      ? []
      : [`removed from failed/ after ${settingText(failedMaxAgeMs)}`]),
    ...(onFailure === null ? [] : [`then ${onOneLine(onFailure)}`]),
  ].join("; ");
}

function forwardText(forward: ForwardConfig): string {
  const { spool, targets, policy, connections, secret, tls, timeoutMs } = forward;
  const to = targets.map(({ text }) => text).join(policy === "failover" ? ", else " : ", ");
  const how = [
    ...(targets.length > 1 ? [policy === "failover" ? "failover" : "balanced"] : []),
    connections === 1
      ? "one connection, which keeps the order"
      : `${connections} connections to each target`,
    `given up after ${settingText(timeoutMs)} of silence`,
    secret === null || !targets.some(({ protocol }) => protocol === "uwsgi")
      ? "not signed"
      : "signed",
    ...(tls.own === null ? [] : ["with a client certificate"]),
    spool.fsync ? "durable" : "NOT durable (spooler-fsync = false)",
  ];
  return `${spool.dir}\n      to ${to}\n      ${how.join(", ")}\n      refused tasks: ${
    failingText(spool)
  }`;
}

function socketsText({ listeners, reception }: Config): string[] {
  const { allow, secrets, maxConnections, maxBodySize } = reception;
  const networks = allow === null || allow === "any"
    ? "anyone who reaches it"
    : allow.map(({ text }) => text).join(" ");
  return listeners.map(({ address, tls }) => {
    const isUnix = address.kind === "unix";
    const who = [
      ...(isUnix && isAbstract(address.path) ? ["open to anyone on this machine"] : []),
      ...(isUnix && !isAbstract(address.path) ? [`mode ${reception.socketMode.toString(8)}`] : []),
      ...(isUnix ? [] : [`from ${networks}`]),
      ...(tls === null ? [] : [tls.ca === null ? "TLS" : "TLS with client certificates"]),
      secrets.length === 0 ? "unsigned" : "signed",
      ...(reception.pickles === "trusted" ? ["pickles from anybody"] : []),
      ...strangersText(reception.allowFunctions),
      counted(maxConnections, "connection"),
      `bodies up to ${counted(maxBodySize, "byte")}`,
    ];
    return `${addressText(address)}\n      ${who.join(", ")}`;
  });
}

function strangersText(functions: readonly string[] | null): string[] {
  if (functions === null) return [];
  return [`unauthenticated senders may run ${functions.join(" ") || "nothing"}`];
}

/** Task modules, and the Python that some of them want. What they offer is known once they run. */
function modulesText({ code, python, spools }: Config): string[] {
  const { modules, maxTasks, cheap, touchReload } = code;
  if (modules.length === 0) return [];
  const names = modules.map(({ name }) => name).join(", ");
  const isLoaded = spools.some(({ external }) => !external);
  if (!isLoaded) return [`${names}: not loaded, as no spooler here runs tasks`];
  const where = python.paths.length === 0 ? "" : `, modules also from ${python.paths.join(" ")}`;
  const runBy = (language: string) =>
    language === "python" ? `${python.command}${where}` : "this program";
  return [
    ...modules.map(({ language, name, place }) =>
      `${name}  ${language}  (${placeText(place)})\n      run by ${runBy(language)}`
    ),
    ...(maxTasks === null ? [] : [`a fresh worker after ${counted(maxTasks, "task")}`]),
    ...(cheap ? ["no worker while there is nothing to do"] : []),
    ...touchReload.map((file) => `fresh workers when ${file} is touched`),
  ];
}

function tasksText({ tasks, spools, code }: Config): string[] {
  if (tasks.length === 0) {
    if (code.modules.length > 0) return [];
    const isAwaited = spools.some(({ external }) => !external);
    return isAwaited
      ? ["no spooler-task and no spooler-import: tasks would wait for a handler"]
      : [];
  }
  const names = tasks.map(({ name }) => name ?? "anything else");
  const width = Math.min(28, Math.max(...names.map((name) => name.length)));
  return tasks.map((task, i) => {
    const own = commandSettings(task);
    const settings = own.length === 0 ? "" : `\n      ${own.join(", ")}`;
    const place = placeText(task.place);
    return `${(names[i] ?? "").padEnd(width)}  ${onOneLine(task.command)}  (${place})${settings}`;
  });
}

function functionsText({ functions, catchAll, origins, language }: ModuleOffer): string[] {
  const names = catchAll && functions.length === 0 ? [] : functions;
  const width = Math.min(28, Math.max(0, ...names.map((name) => name.length)));
  return [
    ...names.map((name) => `${name.padEnd(width)}  ${origins[name] ?? language}`),
    ...(catchAll ? [`anything else  ${origins["default"] ?? language}`] : []),
  ];
}

function scheduleText(schedule: ScheduleConfig, config: Config, now: number): string {
  const { name, action, when, whenText, once, place } = schedule;
  const zone = zoneOfJob(schedule);
  const times = nextTimes(schedule, now).map((at) => wallText(at, zone));
  const next = when.kind === "reboot"
    ? "at the next start of the machine"
    : times.length === 0
    ? "never"
    : times.join(", ");
  const where = whereText(schedule, config);
  if (once !== null) where.unshift("once in the cluster");
  return [
    `${name}  ${onOneLine(actionText(action))}  (${placeText(place)})`,
    [when.kind === "cron" ? `${whenText} (${zone.name})` : whenText, ...where].join(", "),
    `next: ${next}`,
  ].join("\n      ");
}

/** As whom and where: a command by the rules of jobs, a signal's handler by those of task code. */
function whereText(schedule: ScheduleConfig, config: Config): string[] {
  const own = config.daemon.identity?.user?.name ?? "the user that starts it";
  switch (schedule.action.kind) {
    case "command":
      return [`as ${schedule.user ?? own}, in ${jobDirectory(config, schedule)}`];
    case "signal": {
      const spool = spoolOfSignals(config);
      return spool === undefined ? [] : [`as ${config.code.user?.user ?? own}, in ${spool.cwd}`];
    }
    case "task":
      return [];
    default:
      return schedule.action satisfies never;
  }
}

/** Whose workers run what task code registers. */
function spoolOfSignals({ spools, signalSpool }: Config): SpoolConfig | undefined {
  return spools.find(({ dir, external }) => signalSpool === null ? !external : dir === signalSpool);
}

function nextTimes(schedule: ScheduleConfig, now: number): number[] {
  return comingTimes(schedule, { host: Deno.hostname(), now, last: null }, TIMES);
}

function onOneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
}
