/** The account of `user=`: an entry of /etc/passwd. @pure */

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  /** Supplementary ones; empty when it has none beside its own. */
  readonly groups: readonly number[];
}

/**
 * @param passwd the text of /etc/passwd, as in passwd(5)
 * @param user a name or a number
 * @returns null when there is no such account
 */
export function findAccount(passwd: string, user: string): Account | null {
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = "/", shell = ""] = line.split(":");
    if (uid === "" || (name !== user && uid !== user)) continue;
    return {
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
      shell: shell || "/bin/sh",
      groups: [],
    };
  }
  return null;
}

/** What a command finds in its environment of the account that runs it, as under cron(8). */
export function accountEnvironment({ name, home, shell }: Account): Record<string, string> {
  return { USER: name, LOGNAME: name, HOME: home, SHELL: shell };
}
