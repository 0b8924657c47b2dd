/** A site for one test: a directory, its ini, and its spool. */

import { join } from "@std/path";
import { Program } from "./program.ts";
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
