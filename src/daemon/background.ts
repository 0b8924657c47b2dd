/**
 * `daemonize`: the program starts itself again in a session of its own. The command ends when the new
 * process is ready, which that says on its stdout, or with the error that it printed there.
 */

/** Says to the new process that it is one; no task sees it. */
const MARK = "SPOOLER_IN_BACKGROUND";
/** No text has this byte. */
const READY = 0;

/** Whether this is the process in the background; takes the mark out of the environment. */
export function isInBackground(): boolean {
  const marked = Deno.env.has(MARK);
  Deno.env.delete(MARK);
  return marked;
}

/**
 * @param environment as it was at the start, with the secrets that were taken out since
 * @returns the exit code of the command: 0 when the program in the background is ready
 */
export async function startInBackground(
  args: readonly string[],
  environment: ReadonlyMap<string, string>,
): Promise<number> {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const source = ["run", "--quiet", "--allow-all", main];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...(Deno.build.standalone ? [] : source), ...args],
    env: { ...Object.fromEntries(environment), [MARK]: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    detached: true,
  }).spawn();
  for await (const said of child.stdout) {
    const end = said.indexOf(READY);
    Deno.stderr.writeSync(end === -1 ? said : said.subarray(0, end));
    if (end === -1) continue;
    child.unref();
    return 0;
  }
  return (await child.status).code || 1;
}

/** Says to the command that waits that the program is ready. */
export function sayReady(): void {
  Deno.stdout.writeSync(Uint8Array.of(READY));
}
