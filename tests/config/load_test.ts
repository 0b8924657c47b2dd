import { loadConfig, showConfigOf } from "../../src/config/load.ts";
import { ConfigError, problemText } from "../../src/config/problem.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { fakeHost, type Machine } from "../support/config_host.ts";

const machine = (...lines: string[]): Machine => ({
  files: { "/srv/site.ini": ["[uwsgi]", ...lines, ""].join("\n") },
});
const load = (lines: string[], args = ["--ini", "site.ini"], more: Machine = {}) => {
  const { files } = machine(...lines);
  return loadConfig(args, fakeHost({ ...more, files: { ...files, ...more.files } }));
};
const problemsOf = async (...lines: string[]) => {
  const error = await assertRejects(() => load(lines), ConfigError);
  return error.problems.map(problemText);
};

Deno.test("the command line: any option, long or short, and an ini by its bare name", async () => {
  const { config } = await load(
    ["spooler = spool", "spooler-frequency = %(often)"],
    ["--set-ph", "often=7", "--spooler-processes=4", "-s", "127.0.0.1:3031", "site.ini"],
  );
  const [spool] = config.spools;
  assertEquals([spool?.frequencyMs, spool?.processes, config.listeners.length], [7000, 4, 1]);
});

Deno.test("relative paths of the command line start where the person is", async () => {
  const site = { "/srv/site/site.ini": "[uwsgi]\nspooler = a\n", "/srv/site/x": "" };
  const { config } = await loadConfig(
    ["--ini", "site/site.ini", "--spooler", "b"],
    fakeHost({ files: site }),
  );
  assertEquals(config.spools.map(({ dir }) => dir), ["/srv/site/a", "/srv/b"]);
});

Deno.test("the environment gives options, before the command line and the ini", async () => {
  const environment = { UWSGI_SPOOLER_PROCESSES: "3", UWSGI_RELOADS: "1", OTHER: "x" };
  const { config, entries } = await load(["spooler = spool"], ["--ini", "site.ini"], {
    environment,
  });
  assertEquals(config.spools[0]?.processes, 3);
  assertEquals(entries[0]?.place.file, "environment");
  assertEquals(entries.filter(({ key }) => key === "reloads"), []);
});

Deno.test("--ini - is standard input", async () => {
  const host = fakeHost({ stdin: "[uwsgi]\nspooler = spool\n" });
  const { config } = await loadConfig(["--ini", "-"], host);
  assertEquals(config.spools[0]?.dir, "/srv/spool");
});

Deno.test("everything that is wrong is said at once, in order, each with its place", async () => {
  assertEquals(
    await problemsOf(
      "spooler = /nowhere/at/all",
      "spooler-processes = abc",
      "spooler-frequency = 0,99",
      "socket = localhost:http",
      "cron = 0 0 ./x",
      "cron = 0 0 0 0 0",
      "spooler-forward = out a:1",
      "spooler-forward = ./out b:1",
      "if-opt = later = 1",
      "endif =",
      "ini = missing.ini",
      "key = @(missing.txt)",
      "for = a b",
    ).then((lines) =>
      lines.map((line) => /^\/?srv\/site\.ini:(\d+)|^site\.ini:(\d+)/.exec(line)?.[0])
    ),
    [2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 14].map((line) => `site.ini:${line}`),
  );
});

Deno.test("an error names place, option, wish and value", async () => {
  const [first] = await problemsOf("spooler-frequency = 0,99");
  assertEquals(
    first,
    'site.ini:2: spooler-frequency wants a number of seconds ≥ 0.05: "0,99"',
  );
});

Deno.test("a file that cannot be read is named, with its reason", async () => {
  const error = await assertRejects(() => loadConfig("no.ini", fakeHost()), ConfigError);
  assertEquals(error.message, "no.ini: cannot be read: there is no such file");
  const [line] = await problemsOf("include = no.ini");
  assertEquals(line, 'site.ini:2: "no.ini" cannot be read: there is no such file');
});

Deno.test("a file that includes itself, directly or not, is an error and no loop", async () => {
  const [line] = await problemsOf("ini = site.ini");
  assertStringIncludes(line ?? "", "site.ini:2: the file includes itself");
  const host = fakeHost({
    files: { "/srv/a.ini": "[uwsgi]\nini = b.ini\n", "/srv/b.ini": "[uwsgi]\ninherit = a.ini\n" },
  });
  await assertRejects(() => loadConfig("a.ini", host), ConfigError, "includes itself");
});

Deno.test("a configuration is never fetched from the network, and says so by name", async () => {
  const [line] = await problemsOf("ini = http://example.org/x.ini");
  assertStringIncludes(line ?? "", "http:// is refused");
  assertStringIncludes((await problemsOf("x = @(sym://y)"))[0] ?? "", "sym:// is refused");
});

Deno.test("an if-opt that asks for what is given only further down is pointed out", async () => {
  const { warnings } = await load(["if-opt = late", "x = 1", "endif =", "late = 1"]);
  assert(warnings.some(({ message }) => message.includes("only further down")));
});

Deno.test("under root, an ini that names a user is refused; for that user it is not", async () => {
  const lines = ["spooler = spool", "uid = www-data"];
  await assertRejects(() => load(lines, undefined, { uid: 0 }), ConfigError, "run as root");
  await load(["spooler = spool", "uid = app"]);
  const { warnings } = await load(lines);
  assert(warnings.some(({ message }) => message.includes("the program stays app")));
});

Deno.test("the shown configuration, the errors and the warnings hide secrets", async () => {
  const lines = [
    "db_password = hunter2hunter2",
    "spooler = spool",
    "spooler-task = x hunter2hunter2",
  ];
  const shown = await showConfigOf(["--ini", "site.ini"], fakeHost(machine(...lines)));
  assert(!shown.includes("hunter2"), shown);
  const said = await problemsOf(...lines, "spooler-frequency = hunter2hunter2");
  assert(!said.join().includes("hunter2"), said.join());
});

Deno.test("print is printed, and exit stops", async () => {
  const { printed } = await load(["who = me", "print = hello %(who)", "iprint = raw %(who)"]);
  assertEquals(printed, ["raw %(who)", "hello me"]);
  assertStringIncludes((await problemsOf("exit = 2"))[0] ?? "", "asks to stop here");
});

Deno.test("an empty section says which others there are", async () => {
  const host = fakeHost({ files: { "/srv/a.ini": "[production]\nspooler = x\n" } });
  const { warnings } = await loadConfig("a.ini", host);
  assertStringIncludes(warnings[0]?.message ?? "", "[uwsgi]; it has [production]");
});

Deno.test("a spool directory has one owner", async () => {
  const [line] = await problemsOf("spooler = a", "x = 1", "spooler2 = dir=./a,processes=2");
  assertStringIncludes(
    line ?? "",
    "site.ini:4: spooler2 wants a directory of its own, and site.ini:2 has",
  );
});
