import { loadConfig, showConfigOf } from "../../src/config/load.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { ConfigError, problemText } from "../../src/platform/problem.ts";
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
    'site.ini:2: spooler-frequency needs a number of seconds ≥ 0.05, or a duration such as 5m: "0,99"',
  );
});

Deno.test("a file that cannot be read is named, with its reason", async () => {
  const error = await assertRejects(() => loadConfig("no.ini", fakeHost()), ConfigError);
  assertEquals(error.message, "no.ini: cannot be read: no such file");
  const [line] = await problemsOf("include = no.ini");
  assertEquals(line, 'site.ini:2: "no.ini" cannot be read: no such file');
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

Deno.test("root becomes the user that the ini names, nobody else does", async () => {
  const lines = ["spooler = spool", "uid = www-data"];
  const { config, warnings: asRoot } = await load(lines, undefined, { uid: 0 });
  assertEquals(config.daemon.identity?.user?.name, "www-data");
  assertEquals(asRoot, []);
  assertEquals((await load(["spooler = spool", "uid = app"])).warnings, []);
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

Deno.test("an ini without [uwsgi] is an error that says which sections it has", async () => {
  const host = fakeHost({
    files: { "/srv/a.ini": "[production]\nspooler = x\n", "/srv/b.ini": "" },
  });
  const [error, bare] = await Promise.all(
    ["a.ini", "b.ini"].map((ini) => assertRejects(() => loadConfig(ini, host), ConfigError)),
  );
  assertEquals(error?.message, "a.ini: has no section [uwsgi]; it has [production]");
  assertEquals(bare?.message, "b.ini: has no section [uwsgi]");
  const other = await assertRejects(() => loadConfig("a.ini:staging", host), ConfigError);
  assertEquals(other.message, "a.ini: has no section [staging]; it has [production]");
});

Deno.test("an included ini without the section is a warning, an empty section too", async () => {
  const host = fakeHost({
    files: { "/srv/a.ini": "[uwsgi]\ninclude = b.ini\n", "/srv/b.ini": "[x]\n[y]\n" },
  });
  const { warnings } = await loadConfig("a.ini", host);
  assertEquals(warnings.map(problemText), ["b.ini: has no section [uwsgi]; it has [x], [y]"]);
  const empty = fakeHost({ files: { "/srv/a.ini": "[uwsgi]\n" } });
  const [warning] = (await loadConfig("a.ini", empty)).warnings;
  assertEquals(warning?.message, "its section [uwsgi] is empty");
});

Deno.test("an ini that the environment and the command line name is read once", async () => {
  const files = { "/srv/a.ini": "[uwsgi]\nspooler = x\ntimer2 = every=1h ./tick\n" };
  const environment = { UWSGI_INI: "a.ini", SPOOLER_INI: "./a.ini" };
  const { config, entries } = await loadConfig("/srv/a.ini", fakeHost({ files, environment }));
  assertEquals([config.spools.length, config.schedules.length], [1, 1]);
  assertEquals(entries.filter(({ key }) => key === "spooler").length, 1);
  assertEquals(entries.filter(({ key }) => key === "ini").length, 3);
});

Deno.test("empty values of these options are as if they were not there, as in uWSGI", async () => {
  const { config, warnings } = await load([
    ...[
      "spooler = sp",
      "touch-reload =",
      "home =",
      "virtualenv =",
      "pythonpath = lib",
      "pythonpath =",
      "import =",
    ],
    ...["shared-import =", "spooler-import =", "touch-spoolers-reload =", "env =", "unenv ="],
  ]);
  assertEquals(config.code.modules, []);
  assertEquals(config.python, { command: "python3", paths: ["/srv/lib"] });
  assertEquals([config.code.touchReload, config.env], [[], {}]);
  assertEquals(warnings, []);
  // uWSGI does not start with one of these.
  const problems = await problemsOf("chdir =", "spooler-chdir =", "socket =", "cron =");
  assertEquals(problems.length, 4, problems.join("\n"));
});

Deno.test("env = NAME removes the variable, also for later $(NAME), and the last line counts", async () => {
  const environment = { A: "1", B: "2" };
  const lines = [
    "env = A",
    "env = B=3",
    "env = B",
    "env = C",
    "env = C=4",
    "x = $(A)",
    "print = %(x)",
  ];
  const { config, printed } = await load(lines, undefined, { environment });
  assertEquals(config.env, { A: null, B: null, C: "4" });
  assertEquals(printed, ["$(A)"]);
});

Deno.test("set-placeholder is in uwsgi.opt", async () => {
  const { config } = await load(["set-placeholder = region=eu", "set-ph = tier=gold"]);
  const opt = config.code.options.filter(([name]) => ["region", "tier"].includes(name));
  assertEquals(opt, [["region", "eu"], ["tier", "gold"]]);
});

Deno.test("every option in seconds takes a duration, and no other rubbish", async () => {
  const options = ["spooler-frequency", "spooler-retry-delay", "spooler-retry-max-delay"];
  const mercies = ["reload-mercy", "worker-reload-mercy"];
  const others = ["spooler-harakiri", "cron-harakiri", "socket-timeout"];
  const names = [...options, ...others, ...mercies];
  const seconds = OPTIONS.filter(({ kind }) => kind === "seconds").map(({ name }) => name);
  assertEquals(seconds.toSorted(), names.toSorted());
  const { config, warnings } = await load([
    "spooler = sp",
    ...names.map((name) => `${name} = 5m`),
    "cron = * * * * * ./tick",
    "spooler-task = name=x,harakiri=2m ./x",
  ]);
  const [spool] = config.spools;
  assertEquals(spool?.harakiriMs, 300_000);
  assertEquals([spool?.frequencyMs, spool?.retry.delayMs, spool?.retry.maxDelayMs], [
    300_000,
    300_000,
    300_000,
  ]);
  assertEquals([config.schedules[0]?.harakiriMs, config.reception.timeoutMs], [300_000, 300_000]);
  assertEquals(config.daemon.mercyMs, 300_000);
  assertEquals(config.tasks[0]?.harakiriMs, 120_000);
  assertEquals(warnings, []);
  for (const rubbish of ["5x", "5 minutes", "5m30s", "5,", "300s300"]) {
    const problems = await problemsOf(...names.map((name) => `${name} = ${rubbish}`));
    assertEquals(problems.length, names.length, problems.join("\n"));
  }
  const [whole] = await problemsOf("spooler-processes = 5m");
  assertEquals(whole, 'site.ini:2: spooler-processes needs a whole number ≥ 1: "5m"');
});

Deno.test("a spool directory has one owner", async () => {
  const [line] = await problemsOf("spooler = a", "x = 1", "spooler2 = dir=./a,processes=2");
  assertStringIncludes(
    line ?? "",
    "site.ini:4: spooler2 needs a directory of its own, and site.ini:2 has",
  );
});
