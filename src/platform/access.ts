/**
 * Whether an account may use directories: asked of the system, by access(2) for the program's own account,
 * by a shell that runs as another one and tries. Mode bits alone do not know access lists, read-only file
 * systems and root.
 */

import { loadLibc } from "./libc.ts";
import { R_OK, W_OK, X_OK } from "./linux.ts";

/** Once for all questions. */
let opened: ReturnType<typeof loadLibc> | null = null;

/** `enter`: to run there. `write`: to make files there. `change`: to read and write a file. */
export type Use = "enter" | "write" | "change";

export interface Probe {
  readonly path: string;
  readonly use: Use;
}

export interface AccountIds {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups?: readonly number[];
}

/** For access(2). */
const MODES: Readonly<Record<Use, number>> = {
  enter: X_OK,
  write: W_OK | X_OK,
  change: R_OK | W_OK,
};

/** One line a probe: y or n. The first letter of an argument is the use. */
const SCRIPT = `for probe do
  path=\${probe#?}
  case $probe in
    c*) test -r "$path" && test -w "$path" && echo y || echo n ;;
    w*) (cd -- "$path" && test -w .) 2>/dev/null && echo y || echo n ;;
    *) (cd -- "$path") 2>/dev/null && echo y || echo n ;;
  esac
done`;

/**
 * @param account null is the program's own
 * @returns whether each use is allowed, in the order of the probes
 * @throws {Deno.errors} when the shell cannot be run as that account
 */
export async function mayUse(
  probes: readonly Probe[],
  account: AccountIds | null = null,
): Promise<boolean[]> {
  if (probes.length === 0) return [];
  const libc = account === null ? opened ??= loadLibc() : null;
  if (libc !== null && !("unavailable" in libc)) {
    // What is no directory has no "." in it.
    const asked = ({ path, use }: Probe) => use === "change" ? path : `${path}/.`;
    return probes.map((probe) => libc.access(asked(probe), MODES[probe.use]) === 0);
  }
  const [file, ...before] = shellAs(account);
  const isSet = account === null || before.length > 0;
  const { stdout } = await new Deno.Command(file, {
    args: [
      ...before,
      "-c",
      SCRIPT,
      "sh",
      ...probes.map(({ path, use }) => `${use[0]}${path}`),
    ],
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    ...(isSet ? {} : { uid: account.uid, gid: account.gid }),
  }).output();
  const answers = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return probes.map((_, index) => answers[index] === "y");
}

/** Deno's own uid and gid drop all other groups: an account that has some is set by setpriv(1). */
function shellAs(account: AccountIds | null): [string, ...string[]] {
  const groups = account?.groups ?? [];
  if (account === null || groups.length === 0) return ["/bin/sh"];
  const ids = [`--reuid=${account.uid}`, `--regid=${account.gid}`, `--groups=${groups.join()}`];
  return ["setpriv", ...ids, "--", "/bin/sh"];
}
