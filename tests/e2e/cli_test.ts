import { join } from "node:path";
import { OPTIONS } from "../../src/config/options.ts";
import { VERSION } from "../../src/platform/version.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, body);

test("--version", async () => {
  const { code, stdout } = await spooler(["--version"]);
  assertEquals([code, stdout], [0, `spooler ${VERSION}\n`]);
});

test("--help shows the commands and every option of the table", async () => {
  const { code, stdout } = await spooler(["--help"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "spooler push");
  for (const { name } of OPTIONS) assertMatch(stdout, new RegExp(`^  ${name}( |$)`, "m"));
});

const MISTAKES: [string, string[], RegExp][] = [
  ["no arguments", [], /wants --ini FILE/],
  ["an unknown command", ["frobnicate"], /not "frobnicate"/],
  ["an unknown option", ["--frobnicate"], /--frobnicate/],
  ["a missing ini", ["--ini", "/nowhere/site.ini"], /\/nowhere\/site\.ini: cannot be read/],
  ["push to nowhere", ["push", "a=b"], /one of --ini, --dir and --to/],
  ["push without a key", ["push", "--dir", "/tmp"], /wants KEY=VALUE/],
  ["push with half a pair", ["push", "--dir", "/tmp", "hello"], /KEY=VALUE: "hello"/],
  ["push to a bad address", ["push", "--to", "localhost:http", "a=b"], /--to wants a port/],
  ["push at no time", ["push", "--dir", "/tmp", "--at", "tomorrow", "a=b"], /--at .*"tomorrow"/],
  ["push with a bad priority", ["push", "--dir", "/tmp", "--priority", "../x", "a=b"], /priority/],
];

for (const [what, args, message] of MISTAKES) {
  test(`${what} is one clear line and exit code 2`, async () => {
    const { code, stdout, stderr } = await spooler(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    assert(stderr.startsWith("spooler: "));
  });
}

test("an ini with mistakes names them all, with their lines", async () => {
  await using temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler-frequency = x\ncron = 1\n");
  const { code, stderr } = await spooler(["--ini", ini]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, `${ini}:2: spooler-frequency`);
  assertStringIncludes(stderr, `${ini}:3: cron`);
});

test("push to a peer that is not there says so and exits with 1", async () => {
  await using temp = await tempDir();
  const { code, stderr } = await spooler(["push", "--to", join(temp.path, "no.sock"), "a=b"]);
  assertEquals(code, 1);
  assertMatch(stderr, /^spooler: connect to .*no\.sock/);
});

test("UWSGI_INI alone starts that ini; with --ini it is read once; commands use it, too", async () => {
  await using temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  const lines = ["spooler = spool", "spooler-task = true", "timer2 = every=1h,name=beat ./beat"];
  await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
  const env = { UWSGI_INI: ini };
  for (const args of [[], ["--ini", ini]]) {
    await using program = await Program.start(args, { env });
    await program.line(/ ready$/);
    assertEquals(await program.stop(), 0);
    assert(!program.log.includes("the same job as"), program.log);
  }
  for (const args of [["check"], ["next"], ["list"], ["push", "ud_spool_func=x"]]) {
    const { code, stderr } = await spooler(args, "", env);
    assertEquals(code, 0, `${args}: ${stderr}`);
  }
});

test("options alone start when they name work, and are an error when they do not", async () => {
  const { code, stderr } = await spooler(["--spooler-processes", "2"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^spooler: no ini, and nothing to do: spooler --ini FILE/);
  await using temp = await tempDir();
  const args = ["--spooler", join(temp.path, "spool"), "--spooler-task", "true"];
  await using program = await Program.start(args);
  await program.line(/ ready$/);
});
