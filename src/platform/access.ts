/**
 * Whether an account may use directories: asked of the system, by a shell that runs as that account
 * and tries. Mode bits alone do not know access lists, read-only file systems and root.
 */

/** `enter`: to run there. `write`: to make files there. */
export type Use = "enter" | "write";

export interface Probe {
  readonly path: string;
  readonly use: Use;
}

export interface AccountIds {
  readonly uid: number;
  readonly gid: number;
}

/** One line a probe: y or n. The first letter of an argument is the use. */
const SCRIPT = `for probe do
  path=\${probe#?}
  case $probe in
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
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: [
      "-c",
      SCRIPT,
      "sh",
      ...probes.map(({ path, use }) => `${use === "write" ? "w" : "e"}${path}`),
    ],
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    ...(account ?? {}),
  }).output();
  const answers = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return probes.map((_, index) => answers[index] === "y");
}
