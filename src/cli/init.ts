/** `spooler init DIR`: a site to start from: a commented ini, a first task, a .gitignore. */

import { join } from "@std/path";
import { shellWord } from "../platform/shell_word.ts";
import { readArgs } from "./args.ts";
import { UsageError } from "./error.ts";
import { INIT_LANGUAGES, siteFiles } from "./init_files.ts";
import { isThere } from "./there.ts";
import { typesText } from "./types.ts";

export async function init(args: readonly string[]): Promise<number> {
  const { options, words: [dir, ...more] } = readArgs("init", args, ["lang"]);
  if (dir === undefined || more.length > 0) {
    throw new UsageError("init needs one directory: spooler init DIR");
  }
  const wanted = options.lang ?? "ts";
  const lang = INIT_LANGUAGES.find((each) => each === wanted);
  if (lang === undefined) {
    throw new UsageError(`--lang needs one of ${INIT_LANGUAGES.join(", ")}: "${wanted}"`);
  }
  const files = siteFiles(lang, lang === "ts" ? await typesText() : "");
  const there = files.map(({ name }) => join(dir, name)).find(isThere);
  if (there !== undefined) throw new Error(`${there} exists: nothing was written`);
  await Deno.mkdir(dir, { recursive: true });
  for (const { name, text, mode } of files) {
    await Deno.writeTextFile(join(dir, name), text, { createNew: true, mode });
  }
  const ini = shellWord(join(dir, "site.ini"));
  console.log(
    `Wrote ${
      files.map(({ name }) => name).join(", ")
    }. Start it, and add a task from another terminal:

  spooler --ini ${ini}
  spooler push --ini ${ini} ud_spool_func=hello name=world`,
  );
  return 0;
}
