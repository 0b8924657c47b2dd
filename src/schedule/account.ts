/** The account of `user=`: an entry of /etc/passwd. @pure */

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export interface Account extends PasswdEntry {
  /** Supplementary ones; empty when it has none beside its own. */
  readonly groups: readonly number[];
  /** Where its commands run that are to run at home: its home, or / where it has none. */
  readonly directory: string;
}

/**
 * @param passwd the text of /etc/passwd, as in passwd(5)
 * @param user a name or a number
 * @returns null when there is no such account
 */
export function findAccount(passwd: string, user: string): PasswdEntry | null {
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = "/", shell = ""] = line.split(":");
    if (uid === "" || (name !== user && uid !== user)) continue;
    return {
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
      shell: shell || "/bin/sh",
    };
  }
  return null;
}

/** What a command finds in its environment of the account that runs it, as under cron(8). */
export function accountName(account: Account | undefined): Record<string, string> {
  return account === undefined ? {} : { USER: account.name, LOGNAME: account.name };
}

/** The same, as far as a crontab and an ini may say otherwise. */
export function accountHome(account: Account | undefined): Record<string, string> {
  return account === undefined ? {} : { HOME: account.home, SHELL: account.shell };
}
