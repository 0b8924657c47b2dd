/** Which ini a command is for: the one of --ini, or the one that the environment names. */

const VARIABLES = ["SPOOLER_INI", "UWSGI_INI"];

export function isIniInEnvironment(): boolean {
  return VARIABLES.some((name) => Boolean(Deno.env.get(name)));
}

/** The arguments that load the configuration; null when nobody names an ini. */
export function iniArgs(ini: string | undefined): readonly string[] | null {
  if (ini !== undefined) return ["--ini", ini];
  return isIniInEnvironment() ? [] : null;
}
