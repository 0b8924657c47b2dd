/** What to say where the system does not let a command at a spool: whose it is, who we are, what to do. */

import { dirname } from "@std/path";
import { mayUse, type Probe } from "../platform/access.ts";
import { SystemError } from "../platform/libc_calls.ts";
import { EACCES, EPERM } from "../platform/linux.ts";
import { ownerOf, ownerText, userName } from "../platform/owner.ts";
import { safeText } from "../report/safe_text.ts";

/**
 * Runs what a command does with spools.
 *
 * @returns what `act` returns
 * @throws {Error} that explains a denial, and whatever `act` throws
 */
export async function explainDenial<T>(
  command: string,
  spools: readonly { readonly dir: string }[],
  act: () => T | Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isDenial(error)) throw error;
    const paths = spools.flatMap(({ dir }) =>
      ["", "/.spooler", "/.spooler/tmp"].map((sub) => dir + sub)
    );
    const text = await denialText(command, paths);
    throw text === null ? error : new Error(text);
  }
}

function isDenial(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof SystemError && (error.errno === EACCES || error.errno === EPERM);
}

/**
 * The first of these files and directories that is denied; null when none is.
 *
 * @param paths what is missing stands for its directory
 */
export async function denialText(
  command: string,
  paths: readonly string[],
): Promise<string | null> {
  const probes = paths.map(probeOf);
  const answers = await mayUse(probes);
  const denied = probes.find((_, index) => !answers[index]);
  if (denied === undefined) return null;
  const { path, use } = denied;
  const who = userName(Deno.uid() ?? 0);
  const doing = use === "write" ? "write to" : "change";
  const owner = ownerOf(path) ?? "root";
  const what = `user ${who} may not ${doing} ${safeText(path)} (${ownerText(path)})`;
  return `${what}; run it as its owner: sudo -u ${owner} spooler ${command} …`;
}

function probeOf(path: string): Probe {
  try {
    return { path, use: Deno.statSync(path).isDirectory ? "write" : "change" };
  } catch (error) {
    return error instanceof Deno.errors.NotFound && path !== "/"
      ? probeOf(dirname(path))
      : { path, use: "write" };
  }
}
