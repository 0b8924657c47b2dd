/** Who shall own the unix sockets: names to numbers, as the system's files have them. */

import { findGroup } from "../platform/groups.ts";
import { ConfigError } from "../platform/problem.ts";
import { findAccount } from "../schedule/account.ts";
import type { SocketOwnerWish } from "./settings.ts";

export interface SocketOwner {
  readonly uid: number;
  /** Null leaves the group as it is. */
  readonly gid: number | null;
}

/** @throws {ConfigError} when there is no such user or group */
export async function findSocketOwner(
  { user, group, place }: SocketOwnerWish,
): Promise<SocketOwner> {
  const unknown = (kind: string, name: string) => {
    const message = `chown-socket: this machine has no ${kind} "${name}"`;
    return new ConfigError([{ place, message }]);
  };
  const uid = /^\d+$/.test(user)
    ? Number(user)
    : findAccount(await Deno.readTextFile("/etc/passwd"), user)?.uid;
  if (uid === undefined) throw unknown("user", user);
  if (group === null) return { uid, gid: null };
  const gid = findGroup(await Deno.readTextFile("/etc/group"), group);
  if (gid === null) throw unknown("group", group);
  return { uid, gid };
}
