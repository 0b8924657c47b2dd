/** From a command line to the configuration: everything that is read, expanded and understood. */

import { assemble } from "./assembly.ts";
import type { Config, ConfigLine } from "./config.ts";
import type { UsedDirectory } from "./directories.ts";
import type { Entry } from "./entry.ts";
import type { ConfigHost } from "./host.ts";
import { examine } from "./interpret.ts";
import { useLocalZone } from "../platform/local_time.ts";
import { ConfigError, inOrder, type Problem } from "../platform/problem.ts";
import type { Secrets } from "../report/secrets.ts";
import { secretsOf } from "./secrets.ts";
import { showConfig } from "./show.ts";
import { systemHost } from "./system_host.ts";

export interface Loaded {
  readonly config: Config;
  /** What the program and its tasks use of the file system. */
  readonly directories: readonly UsedDirectory[];
  /** Whether an ini was read; options alone make a configuration, too. */
  readonly hasFile: boolean;
  /** What works, but probably not as meant. */
  readonly warnings: readonly Problem[];
  /** Every option in order, expanded. */
  readonly entries: readonly Entry[];
  /** What `print` lines of the ini say, in order. */
  readonly printed: readonly string[];
  /** Hides what is secret in it from a text. */
  readonly secrets: Secrets;
}

/**
 * Local time is from now on what the configuration says.
 *
 * @param args an ini's name, or any options as on the command line: `["--ini", "site.ini"]`
 * @throws {ConfigError} with everything that is wrong
 */
export async function loadConfig(
  args: string | readonly string[],
  host: ConfigHost = systemHost(),
): Promise<Loaded> {
  const loaded = await read(typeof args === "string" ? ["--ini", args] : args, host);
  if (loaded.problems.length > 0) throw new ConfigError(loaded.problems);
  useLocalZone(loaded.config.zone);
  return loaded;
}

/**
 * The resulting configuration in uWSGI's own format, with secrets masked. Problems that come
 * up before it is put together are thrown, as uWSGI stops at them; its values are not
 * checked.
 *
 * @throws {ConfigError}
 */
export async function showConfigOf(
  args: readonly string[],
  host: ConfigHost = systemHost(),
): Promise<string> {
  const assembled = await assemble(args, host);
  const secrets = secretsWith(assembled.entries, assembled.secrets);
  if (assembled.problems.length > 0) throw masked(assembled.problems, secrets);
  return showConfig(assembled.entries, secrets);
}

async function read(args: readonly string[], host: ConfigHost) {
  const assembled = await assemble(args, host);
  const secrets = secretsWith(assembled.entries, assembled.secrets);
  const file = assembled.file ?? "command line";
  const examined = examine(assembled.entries, {
    file,
    baseDir: assembled.baseDir,
    used: assembled.used,
    uid: host.uid,
    get user() {
      return host.user;
    },
    tz: host.environment.get("TZ"),
    zone: (tz) => host.zone(tz),
    kindOf: (path) => host.kindOf(path),
    inherited: (name) => host.inherited?.(name) ?? null,
  });
  const mask = (problem: Problem) => ({ ...problem, message: secrets.mask(problem.message) });
  return {
    config: { ...examined.config, lines: linesOf(assembled.entries, secrets) },
    directories: examined.directories,
    hasFile: assembled.file !== undefined,
    problems: inOrder([...assembled.problems, ...examined.problems].map(mask)),
    warnings: inOrder([...assembled.warnings, ...examined.warnings].map(mask)),
    entries: assembled.entries,
    printed: assembled.printed.map((line) => secrets.mask(line)),
    secrets,
  };
}

function linesOf(entries: readonly Entry[], secrets: Secrets): ConfigLine[] {
  return entries.map(({ key, value, place: { file, line }, placeholder = false }) => ({
    ...{ key, value: secrets.maskValue(key, value), file, line, isPlaceholder: placeholder },
  }));
}

function secretsWith(entries: readonly Entry[], contents: readonly string[]): Secrets {
  return secretsOf([
    ...entries,
    ...contents.map((value) => ({ key: "secret", value })),
  ]);
}

function masked(problems: readonly Problem[], secrets: Secrets): ConfigError {
  return new ConfigError(
    inOrder(problems).map((problem) => ({ ...problem, message: secrets.mask(problem.message) })),
  );
}
