/** `spooler push`: puts one task into a spool directory, or sends it to a peer. */

import { resolve } from "@std/path";
import { openPlatform } from "../spool/platform.ts";
import type { SpoolConfig } from "../queue/settings.ts";
import { destinationFor, destinationsOf } from "../server/destination.ts";
import { parseDate } from "../platform/local_time.ts";
import { systemClock, systemRandom } from "../platform/clock.ts";
import { Store } from "../spool/store.ts";
import { textVar, type Var } from "../wire/packet.ts";
import { parseAt, parsePriority, readRequest, RequestError } from "../task/request.ts";
import { readArgs } from "./args.ts";
import { explainDenial } from "./denied.ts";
import { UsageError } from "./error.ts";
import { iniArgs, isIniInEnvironment, loadIni } from "./ini.ts";
import { pushTo } from "./push_to.ts";
import { reasonOf } from "../platform/reason.ts";

type PushTarget = Pick<SpoolConfig, "dir" | "fsync" | "limits">;

export async function push(args: readonly string[]): Promise<number> {
  const { options, words } = readArgs("push", args, [
    "ini",
    "dir",
    "to",
    "at",
    "priority",
    "body-file",
    "ca",
    "secret-file",
  ]);
  if (options.priority !== undefined) checkPriority(options.priority);
  const at = options.at === undefined ? [] : [textVar("at", String(parseTime(options.at)))];
  const targets = [options.ini, options.dir, options.to].filter((value) => value !== undefined);
  if (targets.length > 1 || targets.length === 0 && !isIniInEnvironment()) {
    throw new UsageError("push needs one of --ini, --dir and --to");
  }
  if (words.length === 0) {
    throw new UsageError("push needs KEY=VALUE, as in ud_spool_func=hello name=world");
  }

  const vars = [...words.map(parseVar), ...at];
  if (options.priority !== undefined) vars.push(textVar("priority", options.priority));
  try {
    const { to, ca, "body-file": bodyFile, "secret-file": secretFile } = options;
    if (to !== undefined) {
      return await pushTo({ to, ca, secretFile, bodyFile }, vars);
    }
    if (ca !== undefined || secretFile !== undefined) {
      throw new UsageError("push takes --ca and --secret-file together with --to only");
    }
    const body = bodyFile === undefined ? undefined : await openBody(bodyFile);
    return await pushInto(await spoolOf(options, vars), vars, body);
  } catch (error) {
    if (error instanceof RequestError) throw new UsageError(error.message);
    throw error;
  }
}

async function pushInto(
  spool: PushTarget,
  vars: readonly Var[],
  body: AsyncIterable<Uint8Array> | undefined,
): Promise<number> {
  const { task } = readRequest(vars);
  const { dir, fsync, limits } = spool;
  const { name } = await explainDenial("push", [spool], async () => {
    const store = await Store.open({
      dir,
      fsync,
      limits,
      clock: systemClock,
      random: systemRandom,
      ...openPlatform(),
    });
    return await store.put(body ? { ...task, body } : task);
  });
  console.log(name);
  return 0;
}

/** The spool that --dir, --ini and a `spooler=DIR` of the task mean. */
async function spoolOf(
  options: { readonly ini?: string; readonly dir?: string },
  vars: readonly Var[],
): Promise<PushTarget> {
  if (options.dir !== undefined) {
    return {
      dir: resolve(options.dir),
      fsync: true,
      limits: { maxFiles: null, minFreeBytes: null },
    };
  }
  const { config } = await loadIni(iniArgs(options.ini) ?? []);
  const { spooler } = readRequest(vars);
  const spool = destinationFor(destinationsOf(config), spooler)?.spool;
  if (!spool) {
    throw new UsageError(
      spooler === undefined
        ? `${config.file} has no spooler`
        : `${config.file} has no such spooler: "${spooler}"`,
    );
  }
  return spool;
}

function checkPriority(text: string): void {
  if (!/^\d+$/.test(text)) throw new UsageError(`push: --priority must be digits: "${text}"`);
  try {
    parsePriority(text);
  } catch (error) {
    throw new UsageError(`push: ${reasonOf(error)}`);
  }
}

function parseVar(word: string): Var {
  const equals = word.indexOf("=");
  if (equals < 1) throw new UsageError(`push needs KEY=VALUE: "${word}"`);
  return textVar(word.slice(0, equals), word.slice(equals + 1));
}

/** Seconds since the epoch. */
function parseTime(text: string): number {
  if (/^\d+$/.test(text)) return parseAt(text);
  const at = parseDate(text);
  if (at === null) {
    throw new UsageError(
      `--at needs seconds since the epoch or a date such as 2026-12-24T18:00:00: "${text}"`,
    );
  }
  return Math.floor(at / 1000);
}

async function openBody(file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === "-") return Deno.stdin.readable;
  try {
    return (await Deno.open(file)).readable;
  } catch (error) {
    throw new UsageError(`--body-file cannot be read: ${reasonOf(error)}`);
  }
}
