/** Who shall own the unix sockets: names to numbers, as the system's files have them. */

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
  const gid = group === null ? null : await findGroup(group);
  if (gid === undefined) throw unknown("group", group ?? "");
  return { uid, gid };
}

/** From /etc/group, as in group(5). */
async function findGroup(group: string): Promise<number | undefined> {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of (await Deno.readTextFile("/etc/group")).split("\n")) {
    const [name, , gid] = line.split(":");
    if (name === group && gid) return Number(gid);
  }
  return undefined;
}
