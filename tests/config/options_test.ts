import { optionsText } from "../../src/cli/options.ts";
import { optionsPage } from "../../src/cli/options_page.ts";
import {
  arityOf,
  findForeign,
  findOption,
  findShort,
  foreignOptions,
  isKnown,
  knownNames,
  type OptionRow,
  OPTIONS,
} from "../../src/config/options.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

Deno.test("every name is there once: ours, an alias, or uWSGI's", () => {
  const names = knownNames();
  assertEquals(names.length, new Set(names).size);
  const rows: readonly OptionRow[] = OPTIONS;
  const own = rows.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  assertEquals(own.filter((name, i) => own.indexOf(name) !== i), []);
  assertEquals(own.filter(findForeign), []);
});

Deno.test("every row has a line of help without a full stop", () => {
  for (const { name, help } of OPTIONS as readonly OptionRow[]) {
    assert(help.length > 8 && help.length < 100 && !help.endsWith("."), `${name}: ${help}`);
  }
});

Deno.test("aliases and letters find their option", () => {
  assertEquals(findOption("spooler-freq")?.name, "spooler-frequency");
  assertEquals(findOption("uwsgi-socket")?.name, "socket");
  assertEquals([findShort("s"), findShort("M"), findShort("p")], ["socket", "master", "processes"]);
});

Deno.test("what an option takes on the command line", () => {
  assertEquals(arityOf("spooler"), "required");
  assertEquals(arityOf("spooler-ordered"), "none");
  assertEquals(arityOf("spooler-fsync"), "optional");
  assertEquals(arityOf("chmod-socket"), "optional");
  assertEquals([arityOf("processes"), arityOf("master"), arityOf("nothing")], [
    "required",
    "none",
    undefined,
  ]);
});

Deno.test("refusals have a reason, and so has every group", () => {
  for (const { name, reason } of foreignOptions()) assert(reason.length > 15, name);
  assertEquals(findForeign("chroot")?.refused, true);
  assertEquals(findForeign("processes")?.refused, false);
});

Deno.test("spooler options finds by name, alias, help, and among uWSGI's", () => {
  assertStringIncludes(optionsText("freq") ?? "", "spooler-frequency = SECONDS");
  assertStringIncludes(optionsText("uwsgi-socket") ?? "", "socket = ADDRESS");
  assertStringIncludes(optionsText("static-map") ?? "", "a web server's work");
  assertStringIncludes(optionsText("chroot") ?? "", "refused: ");
  assertEquals(optionsText("no such thing"), undefined);
});

Deno.test("docs/options.md is what the table says (deno task docs)", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/options.md", import.meta.url));
  assertEquals(page, `${optionsPage().trimEnd()}\n`);
});

testWith("uwsgi", "every option of the uWSGI that is installed is known", async () => {
  const plugins = ["python3", "http", "cgi", "carbon", "rawrouter", "fastrouter", "sslrouter"];
  const dir = "/usr/lib/uwsgi/plugins";
  const present = [...Deno.readDirSync(dir)].map(({ name }) => name);
  const loaded = plugins.filter((plugin) => present.includes(`${plugin}_plugin.so`));
  const { stdout, stderr } = await new Deno.Command("uwsgi", {
    args: ["--plugins", loaded.join(","), "--help"],
  }).output();
  const help = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const names = [...help.matchAll(/^\s+(?:-.\|)?--([\w.-]+)/gm)].map(([, name]) => name ?? "");
  assert(names.length > 700, `${names.length} names`);
  assertEquals(names.filter((name) => !isKnown(name)), []);
});
