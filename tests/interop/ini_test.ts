/**
 * Our reading of an ini beside uWSGI's own, line by line.
 *
 * SPOOLER_INI_CASES says how many generated files are compared (`deno task test:ini`: 4,000).
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { askUwsgi } from "../support/uwsgi_config.ts";
import { CASES } from "./ini_cases.ts";
import { generateIni } from "./ini_generator.ts";
import { askOurs, ENVIRONMENT, fillSite } from "./ini_site.ts";

const GENERATED = Number(Deno.env.get("SPOOLER_INI_CASES") ?? 300);
const AT_ONCE = 4;

async function compare(dir: string, ini: string, args: readonly string[] = []) {
  const [name] = ini.split("/").slice(-1);
  const all = ["--ini", name ?? "", ...args];
  const [theirs, ours] = await Promise.all([
    askUwsgi({ dir, args: all, env: ENVIRONMENT }),
    askOurs(dir, all),
  ]);
  assertEquals(
    ours,
    theirs,
    `${await Deno.readTextFile(ini)}\n-- ours, theirs:\n${ours}\n--\n${theirs}`,
  );
  return theirs;
}

testWith("uwsgi", "the handwritten inis come to the same as in uWSGI", async () => {
  await using temp = await tempDir();
  await fillSite(temp.path);
  for (const { what, ini, args } of CASES) {
    const path = join(temp.path, "main.ini");
    await Deno.writeTextFile(path, ini);
    try {
      await compare(temp.path, path, args);
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }
});

testWith("uwsgi", `${GENERATED} generated inis come to the same as in uWSGI`, async () => {
  await using temp = await tempDir();
  await fillSite(temp.path);
  let refused = 0;
  for (let seed = 0; seed < GENERATED; seed += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, GENERATED - seed) }, async (_, i) => {
        const path = join(temp.path, `main${i}.ini`);
        await Deno.writeTextFile(path, generateIni(seed + i));
        if (await compare(temp.path, path) === null) refused += 1;
      }),
    );
  }
  assert(refused < GENERATED / 4, `${refused} of ${GENERATED} were refused: they compare nothing`);
});
