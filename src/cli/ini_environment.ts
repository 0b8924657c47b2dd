/** Whether the environment names an ini. */

const VARIABLES = ["SPOOLER_INI", "UWSGI_INI"];

export function isIniInEnvironment(): boolean {
  return VARIABLES.some((name) => Boolean(Deno.env.get(name)));
}
