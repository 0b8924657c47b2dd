/** Looks up the accounts of the jobs with `user=` before any job runs. */

import type { ScheduleConfig } from "./settings.ts";
import { ConfigError, type Problem } from "../platform/problem.ts";
import { type Account, findAccount } from "./account.ts";

/** @throws {ConfigError} when there is no such account, or this program may not act for it */
export async function readAccounts(
  jobs: readonly ScheduleConfig[],
): Promise<Map<ScheduleConfig, Account>> {
  const accounts = new Map<ScheduleConfig, Account>();
  const problems: Problem[] = [];
  const wanting = jobs.filter(({ user }) => user !== null);
  if (wanting.length === 0) return accounts;
  const passwd = await Deno.readTextFile("/etc/passwd");
  const own = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  for (const job of wanting) {
    const account = findAccount(passwd, job.user ?? "");
    if (account === null) {
      problems.push({ place: job.place, message: `user= names no account: "${job.user}"` });
    } else if (account.uid === own.uid) {
      accounts.set(job, { ...account, ...own });
    } else if (own.uid !== 0) {
      const message = `user= wants this program to run as root: "${job.user}"`;
      problems.push({ place: job.place, message });
    } else {
      accounts.set(job, account);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return accounts;
}
