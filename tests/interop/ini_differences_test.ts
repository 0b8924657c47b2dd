/**
 * Where we read an ini otherwise than uWSGI on purpose. Each difference is listed in docs/ini.md
 * under the name it has here, and holds against the real uWSGI.
 */

import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { askUwsgi } from "../support/uwsgi_config.ts";
import { askOurs, ENVIRONMENT, fillSite } from "./ini_site.ts";

interface Difference {
  readonly title: string;
  readonly ini: string | Uint8Array;
  /** What comes behind the line of the ini itself; null where it is refused. */
  readonly ours: string | null;
  readonly theirs: string | null;
  /** Instead of `--ini main.ini`. */
  readonly args?: readonly string[];
}

const bytes = (...codes: number[]) => Uint8Array.from(codes);
const text = (content: string) => new TextEncoder().encode(content);
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

const DIFFERENCES: readonly Difference[] = [
  {
    title: "byte order mark",
    ini: "\ufeff[uwsgi]\na = 1\n",
    ours: "a = 1\n",
    theirs: "",
  },
  { title: "NUL bytes", ini: "[uwsgi]\na = 1\0 2\n", ours: null, theirs: "a = 1\n" },
  {
    title: "invalid UTF-8",
    ini: joined(text("[uwsgi]\na = caf"), bytes(0xe9, 0x0a)),
    ours: null,
    theirs: "a = caf\ufffd\n",
  },
  {
    title: "else",
    ini: "[uwsgi]\nif-env = CASE_NONE\na = 1\nelse =\na = 2\nendif =\n",
    ours: "if-env = CASE_NONE\na = 2\nendif = \n",
    theirs: "if-env = CASE_NONE\nendif = \n",
  },
  {
    title: "remainder",
    ini: "[uwsgi]\nn = 7\na = %(n %% 4)\n",
    ours: "n = 7\na = 3\n",
    theirs: "n = 7\na = %(n % 4)\n",
  },
  {
    title: "env is seen by later $(…)",
    ini: "[uwsgi]\na = $(NEW)\nenv = NEW=x\nb = $(NEW)\n",
    ours: "a = $(NEW)\nenv = NEW=x\nb = x\n",
    theirs: "a = $(NEW)\nenv = NEW=x\nb = $(NEW)\n",
  },
  { title: "file://", ini: "[uwsgi]\na = @(file://word.txt)\n", ours: "a = hello\n", theirs: null },
  {
    title: "sections of included files",
    ini: "[uwsgi]\nbase = 1\ninclude = part.ini:extra\n",
    ours: "base = 1\ninclude = part.ini:extra\nextra = extra\ndeep = 1\n",
    theirs: null,
  },
  {
    title: "spooler-processes and listen are expanded",
    ini: "[uwsgi]\nn = 2\nspooler-processes = %(n)\n",
    ours: "n = 2\nspooler-processes = 2\n",
    theirs: "n = 2\nspooler-processes = %(n)\n",
  },
  {
    title: "unclosed blocks",
    ini: "[uwsgi]\nif-not-reload =\nx = 1\n",
    ours: null,
    theirs: "if-not-reload = \nx = 1\n",
  },
  {
    title: "relative names start at the ini",
    ini: "[uwsgi]\nini = sub/../part.ini\n",
    args: ["--ini", "sub/up.ini"],
    ours: "x = @\n",
    theirs: null,
  },
  {
    title: "magic variables of a bare file name",
    ini: "[uwsgi]\na = %N\n",
    args: ["main.ini"],
    ours: "a = main\n",
    theirs: "a = \n",
  },
  {
    title: "options are written out",
    ini: "[uwsgi]\na = 1\n",
    args: ["--ini", "main.ini", "--spooler-freq=3", "--vacu"],
    ours: null,
    theirs: "a = 1\nspooler-freq = 3\nvacuum = true\n",
  },
  {
    title: "an ini without its section",
    ini: "[production]\na = 1\n",
    ours: null,
    theirs: "",
  },
  {
    title: "an ini that is named twice",
    ini: "[uwsgi]\na = 1\n",
    args: ["--ini", "main.ini", "--ini", "./main.ini"],
    ours: "a = 1\nini = ./main.ini\n",
    theirs: "a = 1\nini = ./main.ini\na = 1\n",
  },
  {
    title: "the network",
    ini: "[uwsgi]\na = @(http://127.0.0.1:1/x)\n",
    ours: null,
    theirs: null,
  },
];

for (const { title, ini, args = ["--ini", "main.ini"], ours, theirs } of DIFFERENCES) {
  testWith("uwsgi", `a difference on purpose: ${title}`, async () => {
    await using temp = await tempDir();
    await fillSite(temp.path);
    await Deno.writeTextFile(join(temp.path, "sub/up.ini"), "[uwsgi]\nx = @(beside.txt)\n");
    await Deno.writeTextFile(join(temp.path, "sub/beside.txt"), "@\n");
    await Deno.writeFile(
      join(temp.path, "main.ini"),
      typeof ini === "string" ? text(ini) : ini,
    );
    const behind = (shown: string | null) => shown?.replace(/^ini = \S+\n/, "") ?? null;
    assertEquals(behind(await askOurs(temp.path, args)), ours, "ours");
    const asked = { dir: temp.path, args, env: ENVIRONMENT };
    assertEquals(behind(await askUwsgi(asked)), theirs, "uWSGI's");
  });
}

Deno.test("docs/ini.md lists every difference on purpose", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/ini.md", import.meta.url));
  const docs = page.replaceAll(/ +\|/g, " |");
  assert(DIFFERENCES.length > 0);
  for (const { title } of DIFFERENCES) assertStringIncludes(docs, `| ${title} |`);
});
