/** Who the program is to be: the user and groups of the ini, as numbers. */

import { findGroup, groupsOf } from "../platform/groups.ts";
import type { Identity } from "../platform/posix.ts";
import { ConfigError } from "../platform/problem.ts";
import { findAccount } from "../schedule/account.ts";
import type { IdentityConfig } from "./settings.ts";

/**
 * The supplementary groups are those of the user when it is given by name, as initgroups(3) has them,
 * and those of `add-gid`.
 *
 * @throws {ConfigError} for a user or a group that does not exist
 */
export function findIdentity(config: IdentityConfig): Identity {
  const { user, group, moreGroups, place } = config;
  const problem = (message: string) => new ConfigError([{ place, message }]);
  const groupsText = Deno.readTextFileSync("/etc/group");
  const gidOf = (name: string) => {
    const gid = findGroup(groupsText, name);
    if (gid === null) throw problem(`there is no group "${name}"`);
    return gid;
  };
  const account = user === null ? null : findAccount(Deno.readTextFileSync("/etc/passwd"), user);
  const number = user !== null && /^\d+$/.test(user) ? Number(user) : null;
  const uid = user === null ? Deno.uid() ?? 0 : account?.uid ?? number;
  if (uid === null) throw problem(`there is no user "${user}"`);
  const gid = group === null ? account?.gid ?? Deno.gid() ?? 0 : gidOf(group);
  const own = account === null || number !== null ? [gid] : groupsOf(groupsText, account.name, gid);
  return { uid, gid, groups: [...new Set([...own, ...moreGroups.map(gidOf)])] };
}
