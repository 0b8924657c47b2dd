/** The commands that run tasks, each with its account. */

import type { Config } from "../config/config.ts";
import { commandExecutor } from "../exec/command.ts";
import type { Executor } from "../exec/executor.ts";
import type { Clock } from "../platform/clock.ts";
import { type Account, accountHome, accountName } from "../schedule/account.ts";
import { readAccounts } from "../schedule/accounts.ts";

/**
 * Who runs task modules, when that is not this user.
 *
 * @throws {ConfigError} when it cannot be
 */
export async function workersAccount({ code }: Config): Promise<Account | null> {
  if (code.user === null || code.modules.length === 0) return null;
  const account = (await readAccounts([code.user])).get(code.user);
  return account === undefined || account.uid === Deno.uid() ? null : account;
}

/** @throws {ConfigError} when one is for an account that cannot be */
export async function commandExecutors(config: Config, clock: Clock): Promise<Executor[]> {
  const accounts = await readAccounts(config.tasks);
  return config.tasks.map((task) => {
    const account = accounts.get(task);
    const env = { ...accountHome(account), ...config.env, ...accountName(account) };
    return commandExecutor(task, { ...config, env }, clock, account);
  });
}
