/** Who has a file or a directory, in words for people. */

import { textOf } from "./quietly.ts";

/** `it belongs to root, mode 755` */
export function ownerText(path: string): string {
  try {
    const { uid, mode } = Deno.statSync(path);
    const bits = ((mode ?? 0) & 0o7777).toString(8);
    return `it belongs to ${userName(uid ?? 0)}, mode ${bits}`;
  } catch {
    return "it cannot be seen";
  }
}

/** The owner's name; null when the system does not say. */
export function ownerOf(path: string): string | null {
  try {
    const { uid } = Deno.statSync(path);
    return uid === null ? null : userName(uid);
  } catch {
    return null;
  }
}

/** Its number, for one that is not in /etc/passwd. */
export function userName(uid: number): string {
  const passwd = textOf("/etc/passwd") ?? "";
  const line = passwd.split("\n").find((each) => each.split(":")[2] === String(uid));
  return line?.split(":")[0] ?? String(uid);
}
