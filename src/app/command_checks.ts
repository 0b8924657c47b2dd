/**
 * The programs that commands of a configuration name and that are not there: of tasks, jobs and what
 * follows failures; and tasks of jobs that nothing runs. All of that may come yet, so these are warnings.
 */

import type { Config } from "../config/config.ts";
import type { Loaded } from "../config/load.ts";
import { findIdentity } from "../daemon/identity.ts";
import { type CommandPlace, missingPrograms } from "../exec/find_programs.ts";
import { namedPrograms } from "../exec/named_programs.ts";
import { ConfigError, inOrder, type Place, type Problem } from "../platform/problem.ts";
import { type Account, accountHome, accountName } from "../schedule/account.ts";
import { findAccounts, type ForUser } from "../schedule/accounts.ts";
import type { ScheduleConfig } from "../schedule/settings.ts";
import { destinationFor, destinationsOf } from "../server/destination.ts";
import { jobDirectory } from "./job_directory.ts";
import { handlerProblem } from "./no_handler.ts";

/** A command, and how it is run. */
interface UsedCommand {
  /** For messages. */
  readonly what: string;
  readonly place: Place;
  readonly command: string;
  readonly cwd: string;
  readonly account: Account | undefined;
}

/** @returns a warning for each program that is not there, at the line of its command */
export async function commandWarnings(
  { config, entries, secrets }: Pick<Loaded, "config" | "entries" | "secrets">,
): Promise<Problem[]> {
  const identity = identityOf(config);
  // What is wrong with it is another check's.
  if (identity === "unknown") return [];
  const named = [...config.schedules, ...config.tasks];
  const { accounts } = await findAccounts<ForUser>(named, identity ?? undefined);
  const commands = [
    ...taskCommands(config, accounts),
    ...jobCommands(config, accounts),
    ...failureCommands(config, entries),
  ];
  const found: Problem[] = [];
  const groups = Map.groupBy(commands, ({ cwd, account }) => `${account?.name ?? ""} ${cwd}`);
  for (const group of groups.values()) {
    const [{ cwd, account }] = group as [UsedCommand];
    const env = { ...accountHome(account), ...config.env, ...accountName(account) };
    const runsAs = account ?? identity;
    const place: CommandPlace = {
      ...{ binsh: config.binsh, cwd, env },
      ...(runsAs === null ? {} : { account: runsAs }),
    };
    const programs = group.flatMap((use) =>
      namedPrograms(use.command).map((named) => ({ use, named }))
    );
    const faults = await missingPrograms(programs.map(({ named }) => named), place);
    for (const [index, { use }] of programs.entries()) {
      const fault = faults[index];
      if (!fault) continue;
      const user = account?.name ?? config.daemon.identity?.user?.name;
      const who = user !== undefined && runsAs !== null ? ` for user ${user}` : "";
      const message = secrets.mask(`${use.what}: ${fault}${who}`);
      found.push({ place: use.place, message });
    }
  }
  return inOrder(withoutRepeats([...found, ...unhandledTasks(config)]));
}

/** Tasks that jobs put into a spool where nothing runs them. */
function unhandledTasks(config: Config): Problem[] {
  const destinations = destinationsOf(config);
  return config.schedules.flatMap(({ name, action, place }) => {
    if (action.kind !== "task") return [];
    const wanted = (key: string) => action.vars.find(([each]) => each === key)?.[1];
    const spool = destinationFor(destinations, wanted("spooler"))?.spool;
    const problem = spool && handlerProblem(config, spool, wanted("ud_spool_func") ?? "");
    return problem ? [{ place, message: `job ${name}: ${problem}` }] : [];
  });
}

/** Who runs commands without a user of their own; null is who starts the program. */
function identityOf({ daemon }: Config) {
  if (daemon.identity === null || Deno.uid() !== 0) return null;
  try {
    return findIdentity(daemon.identity);
  } catch (error) {
    if (error instanceof ConfigError) return "unknown" as const;
    throw error;
  }
}

type Accounts = ReadonlyMap<ForUser, Account>;

function taskCommands({ tasks, spools }: Config, accounts: Accounts): UsedCommand[] {
  const cwds = new Set(spools.filter(({ external }) => !external).map(({ cwd }) => cwd));
  return tasks.flatMap((task) =>
    [...cwds].map((cwd) => ({
      ...{ what: `spooler-task ${task.name ?? ""}`.trim(), cwd, account: accounts.get(task) },
      ...{ place: task.place, command: task.command },
    }))
  );
}

function jobCommands(config: Config, accounts: Accounts): UsedCommand[] {
  return config.schedules.flatMap((job) => {
    const account = accounts.get(job);
    const about = {
      ...{ what: `job ${job.name}`, place: job.place, account },
      cwd: jobDirectory(config, job, account?.directory),
    };
    const { action } = job;
    return [
      ...(action.kind === "command" ? [{ ...about, command: action.command }] : []),
      ...(isOwn(job, config)
        ? [{ ...about, what: `${about.what}: on-failure`, command: job.onFailure }]
        : []),
    ];
  });
}

/** A job's own command for a failure, not the one for all of them. */
function isOwn(
  job: ScheduleConfig,
  { cronOnFailure }: Config,
): job is ScheduleConfig & { readonly onFailure: string } {
  return job.onFailure !== null && job.onFailure !== cronOnFailure;
}

function failureCommands(config: Config, entries: Loaded["entries"]): UsedCommand[] {
  const lineOf = (option: string): Place =>
    entries.findLast(({ key }) => key === option)?.place ?? { file: config.file, line: 0 };
  const own = config.spools.filter(({ external }) => !external);
  const forwarded = config.forwards.map(({ spool }) => spool);
  const { cronOnFailure, workingDir } = config;
  return [
    ...[...own, ...forwarded].flatMap(({ onFailure, cwd }) =>
      onFailure === null ? [] : [{
        ...{ what: "spooler-on-failure", place: lineOf("spooler-on-failure"), account: undefined },
        ...{ command: onFailure, cwd },
      }]
    ),
    ...(cronOnFailure === null ? [] : [{
      ...{ what: "cron-on-failure", place: lineOf("cron-on-failure"), account: undefined },
      ...{ command: cronOnFailure, cwd: workingDir },
    }]),
  ];
}

function withoutRepeats(problems: readonly Problem[]): Problem[] {
  const textOf = ({ place, message }: Problem) => `${place.file}:${place.line} ${message}`;
  return [...new Map(problems.map((each) => [textOf(each), each])).values()];
}
