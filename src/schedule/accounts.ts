/** Finds the accounts of jobs, task commands and modules (`user=`, `spooler-uid`) before any of them runs. */

import type { AccountIds } from "../platform/access.ts";
import {
  ConfigError,
  inOrder,
  type OptionLine,
  type Place,
  type Problem,
} from "../platform/problem.ts";
import { type Account, findAccount, type PasswdEntry } from "./account.ts";

/** What may be for an account other than the program's. */
export interface ForUser {
  readonly user: string | null;
  readonly place: Place;
  /** The option of the whole ini that names the user; absent is `user=` at its own line. */
  readonly userOption?: OptionLine;
}

export interface FoundAccounts<Job> {
  readonly accounts: ReadonlyMap<Job, Account>;
  readonly problems: readonly Problem[];
}

/**
 * @param own who the program is when they run: with `uid`, no longer who starts it
 * @returns an account for each that names one, or a problem
 */
export async function findAccounts<Job extends ForUser>(
  jobs: readonly Job[],
  own: AccountIds = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 },
): Promise<FoundAccounts<Job>> {
  const accounts = new Map<Job, Account>();
  const problems: Problem[] = [];
  /** Those of one user share one, or what is wrong with it. */
  const known = new Map<string, Account | string>();
  const wanting = jobs.filter(({ user }) => user !== null);
  const passwd = wanting.length === 0 ? "" : await Deno.readTextFile("/etc/passwd");
  for (const job of wanting) {
    const user = job.user ?? "";
    const found = known.get(user) ?? await accountNamed(user, passwd, own);
    known.set(user, found);
    if (typeof found !== "string") {
      accounts.set(job, found);
      continue;
    }
    const { name, place } = job.userOption ?? { name: "user=", place: job.place };
    problems.push({ place, message: `${name} ${found}` });
  }
  return { accounts, problems: inOrder(problems) };
}

/**
 * The accounts of {@link findAccounts}.
 *
 * @throws {ConfigError} when there is no such account, or this program may not act for it
 */
export async function readAccounts<Job extends ForUser>(
  jobs: readonly Job[],
  own?: AccountIds,
): Promise<ReadonlyMap<Job, Account>> {
  const { accounts, problems } = await findAccounts(jobs, own);
  if (problems.length > 0) throw new ConfigError(problems);
  return accounts;
}

/** @returns why there is none when that is a text */
async function accountNamed(
  user: string,
  passwd: string,
  own: AccountIds,
): Promise<Account | string> {
  const account = findAccount(passwd, user);
  if (account === null) return `names no account: "${user}"`;
  const directory = await directoryOf(account);
  if (account.uid === own.uid) return { ...account, ...own, groups: [], directory };
  if (own.uid !== 0) {
    const hint = Deno.uid() === 0 ? "; uid= makes it another user for everything" : "";
    return `needs this program to run as root: "${user}"${hint}`;
  }
  const groups = await groupsOf(account);
  if (groups.length > 0 && !await hasSetpriv()) {
    return `needs setpriv (util-linux) for the groups of ${user}`;
  }
  return { ...account, groups, directory };
}

/**
 * The groups that initgroups(3) gives an account beside its own; id(1) asks for them wherever the machine
 * keeps its accounts.
 */
async function groupsOf({ name, gid }: PasswdEntry): Promise<number[]> {
  const text = await printed("id", "-G", name);
  const groups = text?.trim().split(/\s+/).map(Number) ?? [];
  const others = groups.filter((each) => Number.isInteger(each) && each !== gid);
  return others.length === 0 ? [] : [gid, ...others];
}

async function directoryOf({ home }: PasswdEntry): Promise<string> {
  const isThere = await Deno.stat(home).then(({ isDirectory }) => isDirectory, () => false);
  return isThere ? home : "/";
}

async function hasSetpriv(): Promise<boolean> {
  return (await printed("setpriv", "--help"))?.includes("--groups") ?? false;
}

/** Null when the command cannot be run. */
async function printed(command: string, ...args: string[]): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command(command, { args, stdin: "null", stderr: "null" })
      .output();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return null;
    }
    throw error;
  }
}
