/** A site for one test: a directory, its ini, and its spool. */

import { join } from "node:path";
import { Program } from "./program.ts";
import { tempDir } from "./temp.ts";

export interface Site extends AsyncDisposable {
  readonly dir: string;
  readonly ini: string;
  readonly spool: string;
  start(): Promise<Program>;
}

/** @param lines of the ini, behind its section and `spooler = spool` */
export async function makeSite(...lines: string[]): Promise<Site> {
  const temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, ["[uwsgi]", "spooler = spool", ...lines, ""].join("\n"));
  return {
    dir: temp.path,
    ini,
    spool: join(temp.path, "spool"),
    start: () => Program.start(["--ini", ini]),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

/** The port in the log line of a socket that was asked for with port 0. */
export function portIn(line: string): number {
  return Number(/:(\d+)$/.exec(line)?.[1]);
}
