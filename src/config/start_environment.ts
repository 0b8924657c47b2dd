/**
 * The environment with which the program was started. Secrets in it are read once and then taken out,
 * so that no task inherits them; a reload still knows them.
 */

import { environmentOptions } from "./argv.ts";
import { holdsSecret } from "./secrets.ts";

let known: ReadonlyMap<string, string> | null = null;

export function startEnvironment(): ReadonlyMap<string, string> {
  if (known !== null) return known;
  known = new Map(Object.entries(Deno.env.toObject()));
  for (const [name, value] of known) {
    const isSecret = environmentOptions([[name, value]]).some((option) => holdsSecret(option));
    if (isSecret) Deno.env.delete(name);
  }
  return known;
}
