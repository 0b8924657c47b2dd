import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

/** The two commands that init prints, as their words. */
function commandsIn(stdout: string): string[][] {
  return [...stdout.matchAll(/^ {2}spooler (.*)$/gm)].map(([, line]) =>
    (line ?? "").split(" ").map((word) => word.replaceAll("'", ""))
  );
}

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, decode(stderr));
  return decode(stdout);
}

async function tryOut(lang: string[], files: string[], name: string): Promise<void> {
  await using temp = await tempDir();
  const dir = join(temp.path, name);
  const { code, stdout, stderr } = await spooler(["init", dir, ...lang]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals([...Deno.readDirSync(dir)].map((each) => each.name).sort(), files);
  // A blank in the path is quoted, and split by the words above.
  const [start, push] = commandsIn(stdout.replaceAll(dir, "DIR"))
    .map((words) => words.map((word) => word.replaceAll("DIR", dir)));
  const checked = await spooler(["check", join(dir, "site.ini")]);
  assertEquals(checked.code, 0, checked.stderr);
  assertStringIncludes(checked.stdout, "is fine");
  const ini = join(dir, "site.ini");
  await Deno.writeTextFile(ini, "timer2 = every=100ms,name=tick true\n", { append: true });
  await using program = await Program.start(start ?? []);
  const pushed = await spooler(push ?? []);
  assertEquals(pushed.code, 0, pushed.stderr);
  await program.line(/ hello\| Hello, world!$/);
  await program.line(/ hello \S+ done/);
  await program.line(/ job tick done/);
  assertEquals(await program.stop(), 0);
  await output("git", ["init", "--quiet", dir]);
  const seen = await output("git", ["-C", dir, "status", "--porcelain", "--untracked-files=all"]);
  assertEquals(seen.trim().split("\n").map((line) => line.slice(3)).sort(), files);
  const again = await spooler(["init", dir, ...lang]);
  assertEquals([again.code, again.stdout], [1, ""]);
  assertMatch(again.stderr, /^spooler: \S.*\/site\.ini exists: nothing was written\n$/);
}

Deno.test(`${programLabel}: init: a site in TypeScript works as it says`, () =>
  tryOut([], [".gitignore", "site.ini", "tasks.ts", "uwsgi.d.ts"], "site"));

Deno.test("init: the first task in TypeScript has the types that come with it", async () => {
  await using temp = await tempDir();
  await spooler(["init", temp.path]);
  await output(Deno.execPath(), ["check", "--quiet", join(temp.path, "tasks.ts")]);
});

Deno.test(`${programLabel}: init: a site of shell commands works as it says`, () =>
  tryOut(["--lang", "sh"], [".gitignore", "hello", "site.ini"], "my site"));

testWith(
  "python",
  `${programLabel}: init: a site in Python works as it says`,
  () => tryOut(["--lang=py"], [".gitignore", "site.ini", "tasks.py"], "site"),
);

Deno.test(`${programLabel}: init refuses other languages, and overwrites no file`, async () => {
  await using temp = await tempDir();
  const wrong = await spooler(["init", temp.path, "--lang", "go"]);
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertStringIncludes(wrong.stderr, '--lang needs one of ts, py, sh: "go"');
  const tasks = join(temp.path, "tasks.ts");
  await Deno.writeTextFile(tasks, "mine");
  assertEquals((await spooler(["init", temp.path])).code, 1);
  assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["tasks.ts"]);
  assertEquals(await Deno.readTextFile(tasks), "mine");
});
