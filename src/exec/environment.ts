/** Environments of children that Deno starts. */

/** Deno's options for an environment that may also lack what the program has. */
export function environment(
  changes: Readonly<Record<string, string | null>>,
): { env: Record<string, string>; clearEnv: boolean } {
  const clearEnv = Object.values(changes).includes(null);
  const env = clearEnv ? Deno.env.toObject() : {};
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete env[key];
    else env[key] = value;
  }
  return { env, clearEnv };
}
