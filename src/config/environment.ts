/** `env` and `unenv`: the environment of commands. @pure */

import type { Given } from "./given.ts";

/**
 * The last line about a variable counts; null takes it out of the program's own environment. A name
 * without a value removes the variable, as putenv(3) does in uWSGI.
 */
export function environmentOf(given: Given): Record<string, string | null> {
  const env: Record<string, string | null> = {};
  given.every("env", (text) => {
    const equals = text.indexOf("=");
    if (equals === 0) throw new SyntaxError("needs KEY=VALUE");
    env[equals < 0 ? text : text.slice(0, equals)] = equals < 0 ? null : text.slice(equals + 1);
  });
  given.every("unenv", (text) => {
    env[text] = null;
  });
  return env;
}
