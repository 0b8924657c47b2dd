import { join } from "@std/path";
import { OPTIONS } from "../../src/config/options.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";

const test = (name: string, body: (dir: string, ini: string) => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, async () => {
    await using temp = await tempDir();
    await body(temp.path, join(temp.path, "site.ini"));
  });

const GOOD = `[uwsgi]
spooler = spool
spooler-processes = 2 # two
spooler-task = name=mail ./mail --token=%(api_key)
spooler-task = retries=1 ./rest
socket = 127.0.0.1:0
cron = 30 4 -1 -1 -1 ./backup
timer2 = every=90s ./tick
api_key = sesame-sesame
thunder-lock = true
`;

test("check says what would happen, starts nothing, and exits with 0", async (dir, ini) => {
  await Deno.writeTextFile(ini, GOOD);
  const { code, stdout, stderr } = await spooler(["check", ini]);
  assertEquals([code, stderr], [0, ""]);
  for (
    const part of [
      `${ini} can start, with 6 warnings.`,
      "site.ini:4: spooler-task mail:\n",
      `Spools\n  ${dir}/spool\n      2 tasks at a time, a scan every 30 s`,
      "Tasks\n  mail           ./mail --token=********",
      "  anything else  ./rest",
      "Sockets\n  127.0.0.1:0",
      "is read as 2",
      "retried once",
    ]
  ) assertStringIncludes(stdout, part);
  assert(!/\b1 times\b/.test(stdout), stdout);
  assertMatch(
    stdout,
    /\.\/backup {2}\(\S+:7\)\n.*\n +next: \w{3} [-\d]{10} 04:30:00 \S+, .* 04:30:00 \S+, .* 04:30:00 \S+\n/,
  );
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["site.ini"]);
});

test("check names every problem with its line and exits with 2", async (_, ini) => {
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = no/where\nspooler-frequency = x\nfor = a\n");
  for (const args of [["check", ini], ["--check", "--ini", ini], ["--ini", ini]]) {
    const { code, stdout, stderr } = await spooler(args);
    assertEquals([code, stdout], [2, ""]);
    for (const line of [2, 3, 4]) assertStringIncludes(stderr, `${ini}:${line}: `);
  }
});

test("check --json is for machines, good or bad", async (_, ini) => {
  await Deno.writeTextFile(ini, GOOD);
  const good = JSON.parse((await spooler(["check", "--json", ini])).stdout);
  assertEquals([good.ok, good.spools[0].processes, good.schedules[0].next.length], [true, 2, 3]);
  assert(!JSON.stringify(good).includes("sesame"));
  await Deno.writeTextFile(ini, "[uwsgi]\ncron = 1\n");
  const { code, stdout } = await spooler(["check", "--json", ini]);
  const bad = JSON.parse(stdout);
  assertEquals([code, bad.ok, bad.problems[0].line], [2, false, 2]);
});

test("--show-config prints uWSGI's format, and hides secrets", async (_, ini) => {
  await Deno.writeTextFile(ini, "[uwsgi]\na = 1\nb = x%(a)\ndb_password = sesame\nmaster\n");
  const { code, stdout } = await spooler(["--ini", ini, "--show-config", "--vacuum"]);
  assertEquals(code, 0);
  assertEquals(
    stdout.trim(),
    `;uWSGI instance configuration\n[uwsgi]\nini = ${ini}\na = 1\nb = x1\n` +
      "db_password = ********\nmaster = \nvacuum = true\n;end of configuration",
  );
});

test("an ini on standard input, under each of its names", async () => {
  for (const name of ["-", "fd://0", "/dev/stdin"]) {
    const { code, stdout } = await spooler(["check", "--ini", name], "[uwsgi]\nspooler = /tmp\n");
    assertEquals(code, 0);
    assertStringIncludes(stdout, "Spools\n  /tmp\n");
  }
});

test("options finds an option by a word, and suggests one", async () => {
  const { code, stdout } = await spooler(["options", "frequency"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "spooler-frequency = SECONDS");
  const none = await spooler(["options", "frequnecy-spooler"]);
  assertEquals(none.code, 2);
  assertStringIncludes(none.stderr, 'no option has "frequnecy-spooler"');
});

test("check says which modules are loaded, and by which Python", async (dir, ini) => {
  await Deno.writeTextFile(join(dir, "tasks.py"), "");
  await Deno.mkdir(join(dir, "lib"));
  await Deno.writeTextFile(join(dir, "lib/such.py"), "");
  const lines = ["spooler = spool", "import = tasks.py", "spooler-import = such", "pp = lib"];
  await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
  const { code, stdout } = await spooler(["check", ini]);
  assertEquals(code, 0);
  const by = `      run by python3, modules also from ${dir}/lib`;
  assertStringIncludes(stdout, `Modules\n  ${dir}/tasks.py  python  (${ini}:3)\n${by}`);
  assertStringIncludes(stdout, `  such  python  (${ini}:4)\n${by}`);
  assert(!stdout.includes("would wait for a handler"));
});

test("check --format gcc prints mistakes and warnings as editors read them", async (_, ini) => {
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = no/where\nspooler-frequency = x\n");
  for (const format of [["--format=gcc"], ["--format", "gcc"]]) {
    const { code, stdout, stderr } = await spooler(["check", ini, ...format]);
    assertEquals([code, stderr], [2, ""]);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.length, 2, stdout);
    assert(lines[0]?.startsWith(`${ini}:2: error: `), stdout);
    assert(lines[1]?.startsWith(`${ini}:3: error: `), stdout);
  }
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = spool\nspooler-processes = 2 # two\n");
  const warned = await spooler(["check", ini, "--format=gcc"]);
  assertEquals(warned.code, 0);
  assertMatch(warned.stdout, /^\S+\/site\.ini:3: warning: .*is read as 2.*\n$/);
  const wrong = await spooler(["check", ini, "--format=xml"]);
  assertEquals([wrong.code, wrong.stderr], [2, 'spooler: --format needs gcc: "xml"\n']);
  const both = await spooler(["check", ini, "--format=gcc", "--json"]);
  const one = "check takes --json or --format gcc, not both";
  assertEquals([both.code, both.stdout, both.stderr], [2, "", `spooler: ${one}\n`]);
});

test("options --schema is a JSON Schema of every option", async () => {
  const { code, stdout } = await spooler(["options", "--schema"]);
  assertEquals(code, 0);
  const schema = JSON.parse(stdout);
  assertEquals(schema.$schema, "http://json-schema.org/draft-07/schema#");
  const { properties } = schema.properties.uwsgi;
  for (const { name, help } of OPTIONS) assertStringIncludes(properties[name].description, help);
  assertEquals(properties["spooler-frequency"].anyOf[0], { type: ["number", "string"] });
});

test("check lists no module where every spool is external: none is loaded", async (dir, ini) => {
  await Deno.writeTextFile(join(dir, "web.py"), "raise ValueError('loaded')\n");
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler-external = spool\nmodule = web\n");
  const { code, stdout, stderr } = await spooler(["check", ini]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Modules\n {2}web: not loaded, as no spooler here runs tasks$/m);
});
