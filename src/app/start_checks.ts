/**
 * What would keep a configuration from starting or working on this machine, although each line of
 * it is right: directories that an account may not use, users that do not exist, sockets that cannot
 * be listened on. `check`, the start and a reload all ask here.
 */

import { ownerText, userName } from "../platform/owner.ts";
import { dirname } from "@std/path";
import type { Loaded } from "../config/load.ts";
import type { UsedDirectory } from "../config/directories.ts";
import { type AccountIds, mayUse, type Probe } from "../platform/access.ts";
import { ConfigError, inOrder, type Place, type Problem } from "../platform/problem.ts";
import { isAbstract } from "../wire/address.ts";
import type { Account } from "../schedule/account.ts";
import { findAccounts, type ForUser } from "../schedule/accounts.ts";
import { probeSockets } from "../server/probe.ts";
import { findIdentity } from "../daemon/identity.ts";
import { commandWarnings } from "./command_checks.ts";
import { jobDirectory } from "./job_directory.ts";

export interface StartFindings {
  /** Nothing starts with one of these. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

type StartConfig = Pick<Loaded, "config" | "directories">;

export async function checkStart({ config, directories }: StartConfig): Promise<StartFindings> {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const worker = workerOf(config, problems);
  problems.push(...await directoryProblems(socketDirectories(config), null));
  const early = directories.filter(isUsedEarly);
  const late = directories.filter((each) => !isUsedEarly(each));
  problems.push(...await directoryProblems(early, null), ...await directoryProblems(late, worker));
  problems.push(...await accountProblems(config, worker));
  for (const problem of await probeSockets(config)) {
    if (problem.holder?.isOurs) warnings.push(problem);
    else problems.push(problem);
  }
  return { problems: inOrder(problems), warnings: inOrder(warnings) };
}

/** Files that are opened before the program becomes the user of `uid`, as in uWSGI. */
function isUsedEarly({ use, option }: UsedDirectory): boolean {
  return use === "make" && !/2$/.test(option);
}

/**
 * @returns the same, warned of commands that cannot work yet
 * @throws {ConfigError} with all that keeps it from starting
 */
export async function mustStart(site: Loaded): Promise<Loaded> {
  const { problems, warnings } = await checkStart(site);
  // For a start, another spooler on an address is as much in the way as any program.
  const all = [...problems, ...warnings];
  if (all.length > 0) throw new ConfigError(all);
  return { ...site, warnings: inOrder([...site.warnings, ...await commandWarnings(site)]) };
}

/** Who works on the spools once the sockets are open; null is who starts the program. */
function workerOf({ daemon }: Loaded["config"], problems: Problem[]): AccountIds | null {
  if (daemon.identity === null || Deno.uid() !== 0) return null;
  try {
    return findIdentity(daemon.identity);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

/** A socket file is made, and removed in the end. */
function socketDirectories({ listeners }: Loaded["config"]): UsedDirectory[] {
  return listeners.flatMap(({ address, place }) =>
    address.kind === "unix" && !isAbstract(address.path) && kindOf(address.path) === null
      ? [{ path: dirname(address.path), use: "make" as const, option: "socket", place }]
      : []
  );
}

interface DirectoryProbe extends Probe {
  readonly directory: UsedDirectory;
}

async function directoryProblems(
  directories: readonly UsedDirectory[],
  account: AccountIds | null,
): Promise<Problem[]> {
  const questions = directories.flatMap((each) => questionsOf(each, account !== null));
  const answers = await mayUse(questions, account);
  const wrong = questions.filter((_, index) => !answers[index]);
  const own = account ?? { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const named = new Set<UsedDirectory>();
  return wrong.flatMap((question) => {
    const { directory } = question;
    if (named.has(directory)) return [];
    named.add(directory);
    return [{ place: directory.place, message: deniedText(question, own) }];
  });
}

/**
 * What a spool needs is also what lies in it already, perhaps made by another account.
 *
 * @param isMadeFor a spool that is missing is made for the account, before the program becomes it
 */
function questionsOf(directory: UsedDirectory, isMadeFor: boolean): DirectoryProbe[] {
  const { path, use } = directory;
  if (use === "enter") return kindOf(path) === "dir" ? [{ directory, path, use }] : [];
  if (use === "make") return [{ directory, path, use: "write" }];
  if (kindOf(path) === null) {
    return [{ directory, path: dirname(path), use: isMadeFor ? "enter" : "write" }];
  }
  const parts = ["", "/.spooler", "/.spooler/tmp", "/failed"].map((part) => path + part);
  return parts.filter((part) => kindOf(part) !== null)
    .map((part) => ({ directory, path: part, use: "write" }));
}

function kindOf(path: string): "dir" | "other" | null {
  try {
    return Deno.statSync(path).isDirectory ? "dir" : "other";
  } catch (error) {
    // What may not be seen is there; the probe says that it may not be used.
    return error instanceof Deno.errors.NotFound ? null : "dir";
  }
}

function deniedText({ directory, path, use }: DirectoryProbe, account: AccountIds): string {
  const { option } = directory;
  const doing = use === "write" ? "write to" : "enter";
  const who = userName(account.uid);
  const fix = use === "write" ? `; chown ${who} ${path}, or start as its owner` : "";
  return `${option}: user ${who} may not ${doing} ${path} (${ownerText(path)})${fix}`;
}

/** Where something starts, for an account other than the program's. */
interface AccountEntry {
  readonly what: string;
  readonly place: Place;
  readonly account: Account;
  readonly path: string;
}

/** Accounts of modules, task commands and jobs, and whether each may enter where it starts. */
async function accountProblems(
  config: Loaded["config"],
  worker: AccountIds | null,
): Promise<Problem[]> {
  const { tasks, schedules, spools, code } = config;
  const modulesUser = code.user !== null && code.modules.length > 0 ? [code.user] : [];
  const { accounts, problems } = await findAccounts<ForUser>(
    [...schedules, ...tasks, ...modulesUser],
    worker ?? undefined,
  );
  const paths = [...new Set(spools.filter(({ external }) => !external).map(({ cwd }) => cwd))];
  const entries = [
    ...tasks.flatMap((task): AccountEntry[] => {
      const account = accounts.get(task);
      const what = `spooler-task ${task.name ?? ""}`.trim();
      return account ? paths.map((path) => ({ what, place: task.place, account, path })) : [];
    }),
    ...schedules.flatMap((job): AccountEntry[] => {
      const account = accounts.get(job);
      if (account === undefined) return [];
      const path = jobDirectory(config, job, account.directory);
      return [{ what: `job ${job.name}`, place: job.place, account, path }];
    }),
  ];
  return [...problems, ...await entryProblems(entries)];
}

async function entryProblems(entries: readonly AccountEntry[]): Promise<Problem[]> {
  // A directory that does not exist is a problem of its own line.
  const there = entries.filter(({ path }) => kindOf(path) === "dir");
  const problems: Problem[] = [];
  for (const [account, each] of Map.groupBy(there, (entry) => entry.account)) {
    const answers = await mayUse(each.map(({ path }) => ({ path, use: "enter" })), account);
    for (const { what, place, path } of each.filter((_, n) => !answers[n])) {
      const message = `${what}: user ${account.name} may not enter ${path} ` +
        `(${ownerText(path)}), where its command would start`;
      problems.push({ place, message });
    }
  }
  return problems;
}
