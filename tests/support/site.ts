/** A site for one test: a directory, its ini, and its spool. */

import { dirname, join } from "@std/path";
import { assertEquals } from "./assert.ts";
import { Program, spooler } from "./program.ts";
import { tempDir } from "./temp.ts";

export interface Site extends AsyncDisposable {
  readonly dir: string;
  readonly ini: string;
  readonly spool: string;
  /** @param begun the line that says it has begun its work; `ready` when it is not given */
  start(begun?: RegExp): Promise<Program>;
}

/** @param lines of the ini, behind its section and `spooler = spool` */
export async function makeSite(...lines: string[]): Promise<Site> {
  const temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, iniText(lines));
  return {
    dir: temp.path,
    ini,
    spool: join(temp.path, "spool"),
    start: (begun) => Program.start(["--ini", ini], begun === undefined ? {} : { begun }),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** Gives the site another ini. */
export function rewriteSite(site: Site, ...lines: string[]): Promise<void> {
  return Deno.writeTextFile(site.ini, iniText(lines));
}

const iniText = (lines: readonly string[]) =>
  ["[uwsgi]", "spooler = spool", ...lines, ""].join("\n");

/** The port in the log line of a socket that was asked for with port 0. */
export function portIn(line: string): number {
  return Number(/:(\d+)$/.exec(line)?.[1]);
}

/**
 * A site with files beside its ini.
 *
 * @param files texts by their names, which may be paths below the site
 */
export async function makeSiteWith(
  files: Readonly<Record<string, string>>,
  ...lines: string[]
): Promise<Site> {
  const site = await makeSite(...lines);
  for (const [name, text] of Object.entries(files)) {
    const path = join(site.dir, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
  return site;
}

/**
 * Puts a task into the spool of a site with `spooler push`.
 *
 * @param args vars of the task, and options of the command
 * @returns the name of the task
 */
export async function pushTask(site: Site, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await spooler(["push", "--dir", site.spool, ...args]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trim();
}
