/** `spooler types`: the types of task code in TypeScript, to be put beside it. */

import { UsageError } from "./error.ts";

const TYPES = new URL("../../workers/uwsgi.d.ts", import.meta.url);

export async function types(args: readonly string[]): Promise<number> {
  if (args.length > 0) throw new UsageError("types needs no arguments: spooler types > uwsgi.d.ts");
  console.log((await typesText()).trimEnd());
  return 0;
}

export async function typesText(): Promise<string> {
  return await Deno.readTextFile(TYPES);
}
