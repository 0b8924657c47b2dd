/** The directory in which uWSGI's reading of an ini is compared with ours, and our side of it. */

import { dirname, join } from "@std/path";
import { assemble } from "../../src/config/assembly.ts";
import { recognise } from "../../src/config/recognise.ts";
import { secretsOf } from "../../src/config/secrets.ts";
import { showConfig } from "../../src/config/show.ts";
import { systemHost } from "../../src/config/system_host.ts";
import { FILES } from "./ini_cases.ts";

export const ENVIRONMENT = {
  CASE_A: "alpha",
  CASE_EMPTY: "",
  CASE_NAME: "base",
  CASE_FILE: "word.txt",
  PATH: "/usr/bin:/bin",
};

export async function fillSite(dir: string): Promise<void> {
  for (const [name, text] of Object.entries(FILES)) {
    await Deno.mkdir(dirname(join(dir, name)), { recursive: true });
    await Deno.writeTextFile(join(dir, name), text);
  }
  await Deno.symlink("part.ini", join(dir, "link.ini"));
}

/** Ours in uWSGI's words; null when it is refused. What the values mean is not checked. */
export async function askOurs(dir: string, args: readonly string[]): Promise<string | null> {
  const host = { ...systemHost(), cwd: dir, environment: new Map(Object.entries(ENVIRONMENT)) };
  const { entries, problems, used, file } = await assemble(args, host);
  const judged = recognise(entries, used, file ?? "");
  const refused = judged.problems.filter(({ message }) => /strict|set-placeholder/.test(message));
  if (problems.length + refused.length > 0) return null;
  const shown = showConfig(entries, secretsOf());
  return shown.slice(shown.indexOf("[uwsgi]\n") + 8, shown.lastIndexOf(";end"));
}
