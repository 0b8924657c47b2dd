/** The commands that run tasks, each with its account. */

import type { Config } from "../config/config.ts";
import { commandExecutor } from "../exec/command.ts";
import type { Executor } from "../exec/executor.ts";
import type { Clock } from "../platform/clock.ts";
import { accountHome, accountName } from "../schedule/account.ts";
import { readAccounts } from "../schedule/accounts.ts";

/** @throws {ConfigError} when one is for an account that cannot be */
export async function commandExecutors(config: Config, clock: Clock): Promise<Executor[]> {
  const accounts = await readAccounts(config.tasks);
  return config.tasks.map((task) => {
    const account = accounts.get(task);
    const env = { ...accountHome(account), ...config.env, ...accountName(account) };
    return commandExecutor(task, { ...config, env }, clock, account);
  });
}
