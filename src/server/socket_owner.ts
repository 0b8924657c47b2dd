/** Who shall own the unix sockets: names to numbers, as the system's files have them. */

import { findAccount } from "../schedule/account.ts";

export interface SocketOwner {
  readonly uid: number;
  /** Null leaves the group as it is. */
  readonly gid: number | null;
}

/**
 * @param user a name or a number, as is `group`
 * @throws {Error} when there is no such user or group
 */
export async function findSocketOwner(user: string, group: string | null): Promise<SocketOwner> {
  const uid = /^\d+$/.test(user)
    ? Number(user)
    : findAccount(await Deno.readTextFile("/etc/passwd"), user)?.uid;
  if (uid === undefined) throw new Error(`chown-socket names no user: "${user}"`);
  const gid = group === null ? null : await findGroup(group);
  if (gid === undefined) throw new Error(`chown-socket names no group: "${group}"`);
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
