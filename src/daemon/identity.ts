/** Who the program is to be: the user and groups of the ini, as numbers. */

import { findGroup, groupsOf } from "../platform/groups.ts";
import type { Identity } from "../platform/posix.ts";
import { ConfigError, type Problem } from "../platform/problem.ts";
import { findAccount } from "../schedule/account.ts";
import type { IdentityConfig, IdentityName } from "./settings.ts";

/**
 * The supplementary groups are those of the user when it is given by name, as initgroups(3) has them,
 * and those of `add-gid`.
 *
 * @throws {ConfigError} for each user and group that does not exist, at its line
 */
export function findIdentity(config: IdentityConfig): Identity {
  const { user, group, moreGroups } = config;
  const problems: Problem[] = [];
  const groupsText = Deno.readTextFileSync("/etc/group");
  const gidOf = (option: "gid" | "add-gid", { name, place }: IdentityName) => {
    const gid = findGroup(groupsText, name);
    if (gid === null) problems.push({ place, message: `${option} names no group: "${name}"` });
    return gid ?? 0;
  };
  const account = user && findAccount(Deno.readTextFileSync("/etc/passwd"), user.name);
  const number = user !== null && /^\d+$/.test(user.name) ? Number(user.name) : null;
  const uid = account?.uid ?? number ?? Deno.uid() ?? 0;
  if (user !== null && account === null && number === null) {
    problems.push({ place: user.place, message: `uid names no user: "${user.name}"` });
  }
  const gid = group === null ? account?.gid ?? Deno.gid() ?? 0 : gidOf("gid", group);
  const more = moreGroups.map((each) => gidOf("add-gid", each));
  if (problems.length > 0) throw new ConfigError(problems);
  const own = account === null || number !== null ? [gid] : groupsOf(groupsText, account.name, gid);
  return { uid, gid, groups: [...new Set([...own, ...more])] };
}
