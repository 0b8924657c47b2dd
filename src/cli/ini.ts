/** Which ini a command is for, the one of --ini or the one that the environment names, and how it is read. */

import type { ConfigHost } from "../config/host.ts";
import { loadConfig, type Loaded } from "../config/load.ts";
import { isIniInEnvironment } from "./ini_environment.ts";
import type { Log } from "./log.ts";
import { hideSecrets } from "./output.ts";

/** The arguments that load the configuration; null when nobody names an ini. */
export function iniArgs(ini: string | undefined): readonly string[] | null {
  if (ini !== undefined) return ["--ini", ini];
  return isIniInEnvironment() ? [] : null;
}

/**
 * Loads a configuration. Its secrets are hidden from now on, in all that the command prints and in the
 * log, when there is one: what is done with the configuration may fail, and say so.
 *
 * @throws {ConfigError}
 */
export async function loadIni(
  args: readonly string[],
  { host, log }: { readonly host?: ConfigHost; readonly log?: Log } = {},
): Promise<Loaded> {
  const loaded = await loadConfig(args, host);
  hideSecrets(loaded.secrets);
  log?.hide(loaded.secrets);
  return loaded;
}
