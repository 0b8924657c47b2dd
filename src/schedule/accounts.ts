/** Finds the accounts of jobs and task commands with `user=` before any of them runs. */

import type { AccountIds } from "../platform/access.ts";
import { ConfigError, type Place, type Problem } from "../platform/problem.ts";
import { type Account, findAccount, type PasswdEntry } from "./account.ts";

/** What may be for an account other than the program's. */
export interface ForUser {
  readonly user: string | null;
  readonly place: Place;
}

/**
 * @param own who the program is when they run: with `uid`, no longer who starts it
 * @throws {ConfigError} when there is no such account, or this program may not act for it
 */
export async function readAccounts<Job extends ForUser>(
  jobs: readonly Job[],
  own: AccountIds = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 },
): Promise<Map<Job, Account>> {
  const accounts = new Map<Job, Account>();
  const problems: Problem[] = [];
  const wanting = jobs.filter(({ user }) => user !== null);
  if (wanting.length === 0) return accounts;
  const passwd = await Deno.readTextFile("/etc/passwd");
  for (const job of wanting) {
    const account = findAccount(passwd, job.user ?? "");
    if (account === null) {
      problems.push({ place: job.place, message: `user= names no account: "${job.user}"` });
    } else if (account.uid === own.uid) {
      accounts.set(job, { ...account, ...own, groups: [], directory: await directoryOf(account) });
    } else if (own.uid !== 0) {
      const hint = Deno.uid() === 0 ? "; uid= makes it another user, for this job, too" : "";
      const message = `user= needs this program to run as root: "${job.user}"${hint}`;
      problems.push({ place: job.place, message });
    } else {
      const groups = await groupsOf(account);
      if (groups.length > 0 && !await hasSetpriv()) {
        const message = `user= needs setpriv (util-linux) for the groups of ${job.user}`;
        problems.push({ place: job.place, message });
      }
      accounts.set(job, { ...account, groups, directory: await directoryOf(account) });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return accounts;
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
