/** The real uWSGI as an oracle: what it makes of a configuration, in its own words. */

import { PATIENCE_MS } from "./program.ts";

export interface Asked {
  /** The working directory. */
  readonly dir: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The lines of `uwsgi … --show-config`, without those that show-config itself adds.
 *
 * @returns null when uWSGI refuses the configuration
 */
export async function askUwsgi({ dir, args, env }: Asked): Promise<string | null> {
  const { stderr } = await new Deno.Command("uwsgi", {
    args: [...args, "--show-config", "--no-server"],
    cwd: dir,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).output();
  const text = new TextDecoder().decode(stderr);
  const [, shown] = /^;uWSGI instance configuration\n\[uwsgi\]\n([^]*?)^;end of configuration$/m
    .exec(text) ?? [];
  if (shown === undefined) return null;
  return shown.replace("show-config = true\nno-server = true\n", "");
}
