import { join } from "@std/path";
import { MANUALS } from "../../src/cli/manual.ts";
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

test("--version --json has the versions of everything inside", async () => {
  const { code, stdout } = await spooler(["--version", "--json"]);
  const { spooler: own, packages, ...runtime } = JSON.parse(stdout);
  assertEquals([code, own], [0, VERSION]);
  assertEquals(Object.keys(runtime), ["deno", "v8", "typescript", "target", "compiledCode"]);
  const inside = [
    ...["jetstream", "nats-core", "nkeys", "nuid", "obj"].map((each) => `@nats-io/${each}`),
    ...["amaro", "deno-std", "es-module-lexer", "get-east-asian-width", "js-sha256", "tweetnacl"],
  ];
  assertEquals(Object.keys(packages), inside);
  for (const number of Object.values(packages)) assertMatch(String(number), /^\d+\.\d+\.\d+$/);
  const wrong = await spooler(["--version", "--yaml"]);
  assertEquals([wrong.code, wrong.stderr], [2, 'spooler: --version takes --json only: "--yaml"\n']);
});

test("help shows the commands on one screen", async () => {
  const { code, stdout } = await spooler(["--help"]);
  assertEquals(code, 0);
  assert(stdout.trimEnd().split("\n").length <= 25, stdout);
  assert(stdout.split("\n").every((line) => line.length <= 100));
  for (const command of Object.keys(MANUALS)) {
    if (command !== "run") {
      assertMatch(stdout, new RegExp(`spooler (\\w+ \\| )?${command}\\b|\\| ${command}\\b`));
    }
  }
  assertEquals((await spooler(["help"])).stdout, stdout);
  const alone = await spooler([]);
  assertEquals([alone.code, alone.stdout, alone.stderr], [2, "", stdout]);
});

test("help of a command has its options and an example", async () => {
  for (const [command, { options, examples }] of Object.entries(MANUALS)) {
    const { code, stdout } = await spooler(["help", command]);
    assertEquals(code, 0, command);
    for (const text of [...options.map(([option]) => option), ...examples]) {
      assertStringIncludes(stdout, text);
    }
  }
  assertEquals(
    (await spooler(["push", "--help"])).stdout,
    (await spooler(["help", "push"])).stdout,
  );
  assertStringIncludes((await spooler(["help", "spooler-frequency"])).stdout, "SECONDS");
  const unknown = await spooler(["help", "psuh"]);
  assertEquals([unknown.code, unknown.stdout], [2, ""]);
  assertStringIncludes(unknown.stderr, "did you mean push?");
});

test("options lists every option of the table", async () => {
  const { code, stdout } = await spooler(["options"]);
  assertEquals(code, 0);
  for (const { name } of OPTIONS) assertMatch(stdout, new RegExp(`^  ${name}( |$)`, "m"));
});

const MISTAKES: [string, string[], RegExp][] = [
  ["an unknown command", ["frobnicate"], /there is no command "frobnicate"; spooler help/],
  ["a command with a slip", ["psuh"], /there is no command "psuh"; did you mean push\?/],
  ["an ini without its option", ["list", "site.ini"], /did you mean --ini site\.ini\?/],
  ["a directory without its option", ["list", "/a/b"], /did you mean --dir \/a\/b\?/],
  [
    "an unknown option of a command",
    ["list", "--follow"],
    /list has no option --follow; it is an option of log; list has --ini/,
  ],
  [
    "an option with a slip",
    ["list", "--fucn", "x"],
    /list has no option --fucn; did you mean --func\?/,
  ],
  ["a short option nobody has", ["next", "-x", "3"], /next has no option -x/],
  ["an option without its value", ["push", "a=b", "--dir"], /push: --dir needs a value/],
  ["a flag with a value", ["list", "--json=yes"], /list: --json takes no value: "yes"/],
  [
    "a negative priority",
    ["push", "--dir", "/tmp", "--priority", "-1", "a=b"],
    /push: --priority must be digits: "-1"/,
  ],
  ["an unknown option", ["--frobnicate"], /--frobnicate/],
  ["a missing ini", ["--ini", "/nowhere/site.ini"], /\/nowhere\/site\.ini: cannot be read/],
  ["push to nowhere", ["push", "a=b"], /one of --ini, --dir and --to/],
  ["push without a key", ["push", "--dir", "/tmp"], /needs KEY=VALUE/],
  ["push with half a pair", ["push", "--dir", "/tmp", "hello"], /KEY=VALUE: "hello"/],
  ["push to a bad address", ["push", "--to", "localhost:http", "a=b"], /--to needs a port/],
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

test("next says when there are no schedules", async () => {
  await using temp = await tempDir();
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(ini, "[uwsgi]\nspooler = spool\n");
  const { code, stdout, stderr } = await spooler(["next", "--ini", ini]);
  assertEquals([code, stdout, stderr], [0, "", `spooler: ${ini} has no schedules\n`]);
});
