import { manPages } from "../../.ci/man_pages.ts";
import { MANUALS } from "../../src/cli/manual.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

const dir = new URL("../../docs/man/", import.meta.url).pathname;

Deno.test("docs/man has what the tables say (deno task docs)", async () => {
  const pages = manPages();
  assertEquals(
    [...Deno.readDirSync(dir)].map(({ name }) => name).sort(),
    Object.keys(pages).sort(),
  );
  for (const [name, text] of Object.entries(pages)) {
    assertEquals(await Deno.readTextFile(dir + name), text);
  }
});

testWith(
  "man",
  "man shows each page without a warning, with every command and option",
  async () => {
    const shown = new Map<string, string>();
    for (const name of Object.keys(manPages())) {
      const command = new Deno.Command("man", {
        args: ["--warnings", "-E", "UTF-8", "-l", dir + name],
        env: { LC_ALL: "C.UTF-8", MANWIDTH: "100", MANROFFOPT: "", MAN_KEEP_FORMATTING: "" },
        stdin: "null",
      });
      const { code, stdout, stderr } = await command.output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], name);
      shown.set(name, new TextDecoder().decode(stdout));
    }
    for (const command of Object.keys(MANUALS)) {
      assert(shown.get("spooler.1")?.includes(`\n   ${command}\n`), command);
    }
    for (const { name } of OPTIONS) {
      assert(shown.get("spooler.ini.5")?.includes(`       ${name}`), name);
    }
    for (const text of ["STATES", "JOURNAL", "Guarantee: runs as soon as a slot is free"]) {
      assert(shown.get("spooler-spool.5")?.replaceAll(/\s+/g, " ").includes(text), text);
    }
  },
);
