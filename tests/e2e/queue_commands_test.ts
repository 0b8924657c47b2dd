import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { nameFromBytes } from "../../src/platform/name.ts";
import { renameBytes } from "../support/platform.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { holdTask, writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, body);
const testWithLibc = (name: string, body: () => Promise<void>) =>
  testWith("libc", `${programLabel}: ${name}`, body);

const PREFIX = "uwsgi_spoolfile_on_";
const NAME = `${PREFIX}web1_1_1_1_1000000000_0`;
const LABEL = NAME.slice(PREFIX.length);
const FAR = 4_000_000_000;
const BAD = "spooler-task = name=bad echo 'no such mailbox' >&2; exit 65";

type Json = Record<string, unknown>;

function jsonLines(text: string): Json[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Json);
}

async function writeFailed(
  spool: string,
  name: string,
  vars: Record<string, string> = { ud_spool_func: "bad" },
): Promise<string> {
  const path = await writeTask(join(spool, "failed"), name, vars);
  const attempts = {
    failures: 3,
    firstFailureAt: 1_000_000_000_000,
    lastFailureAt: 1_000_000_600_000,
    reason: "exit code 1",
    stderr: "one\ntwo \x1b[31m\n",
  };
  const record = { reason: "exit code 65", failedAt: 1_000_000_700_000, attempts };
  await Deno.writeTextFile(`${path}.json`, JSON.stringify(record));
  return path;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

test("list shows every state with function, failures and last error, in the order of running", async () => {
  await using temp = await tempDir();
  const dir = temp.path;
  await writeTask(dir, `${NAME}1`, { ud_spool_func: "plain" });
  await writeTask(join(dir, "5"), `${NAME}2`, { ud_spool_func: "urgent" });
  await writeTask(dir, `${NAME}3`, { ud_spool_func: "later" }, { mtime: FAR });
  await writeFailed(dir, `${NAME}4`);
  await Deno.writeTextFile(join(dir, `${NAME}5`), "foreign");
  const { code, stdout, stderr } = await spooler(["list", "--dir", dir]);
  assertEquals(code, 0);
  const rows = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  assertEquals(rows.map(([state, , , failures, func, name]) => [state, failures, func, name]), [
    ["STATE", "FAILURES", "FUNCTION", "NAME"],
    ["ready", "0", "urgent", `5/${LABEL}2`],
    ["ready", "0", "plain", `${LABEL}1`],
    ["ready", "0", "-", `${LABEL}5`],
    ["deferred", "0", "later", `${LABEL}3`],
    ["failed", "3", "bad", `${LABEL}4`],
  ]);
  assertEquals([rows[3]?.[6], rows[5]?.[6]], [
    "modifier1 is 102, a task's is 17",
    "exit code 65: two \\x1b[31m",
  ]);
  assertMatch(rows[4]?.[2] ?? "", /^in \d+d$/);
  assertStringIncludes(stderr, `${dir}: 3 ready, 1 deferred, 1 failed`);
});

test("list filters by state, function and age", async () => {
  await using temp = await tempDir();
  const young = `${PREFIX}web1_1_1_1_${Math.floor(Date.now() / 1000)}_0`;
  await writeTask(temp.path, NAME, { ud_spool_func: "old" });
  await writeTask(temp.path, young, { ud_spool_func: "young" });
  await writeTask(temp.path, `${NAME}1`, { ud_spool_func: "later" }, { mtime: FAR });
  const functions = async (...filter: string[]) => {
    const { stdout } = await spooler(["list", "--dir", temp.path, "--json", ...filter]);
    return jsonLines(stdout).map((line) => line["function"]);
  };
  assertEquals(await functions("--state", "ready,running"), ["old", "young"]);
  assertEquals(await functions("--state", "deferred"), ["later"]);
  assertEquals(await functions("--state", "failed"), []);
  assertEquals(await functions("--func", "young"), ["young"]);
  assertEquals(await functions("--older", "1d"), ["old", "later"]);
});

test("list --json carries what is no UTF-8 as base64, and the table shows nothing that acts", async () => {
  await using temp = await tempDir();
  await writeTask(temp.path, NAME, { ud_spool_func: "\x1b[31mred\n" });
  const binary = [17, 19, 0, 0, 13, 0, ...new TextEncoder().encode("ud_spool_func"), 2, 0, 0x80, 1];
  await Deno.writeFile(join(temp.path, `${NAME}1`), Uint8Array.from(binary));
  const table = await spooler(["list", "--dir", temp.path]);
  assertStringIncludes(table.stdout, "\\x1b[31mred\\x0a");
  assertStringIncludes(table.stdout, "\\x80\\x01");
  const { stdout } = await spooler(["list", "--dir", temp.path, "--json"]);
  const functions = jsonLines(stdout).map((line) => line["functionBase64"] ?? line["function"]);
  assertEquals(functions.toSorted(), ["\x1b[31mred\n", "gAE="]);
});

test("show prints every key, the body's size and the history of failures", async () => {
  await using temp = await tempDir();
  await writeFailed(temp.path, NAME, { ud_spool_func: "bad", to: "a@example.org\x1b" });
  const { code, stdout } = await spooler(["show", "--dir", temp.path, LABEL]);
  assertEquals(code, 0);
  const parts = [
    `task      ${LABEL}\n`,
    `file      ${join(temp.path, "failed", NAME)}\n`,
    ": exit code 65\n",
    "body      0 bytes\n",
    "  ud_spool_func = bad\n",
    "  to = a@example.org\\x1b\n",
    "failures  3\n",
    ": exit code 1\n",
    "  | two \\x1b[31m\n",
  ];
  for (const part of parts) assertStringIncludes(stdout, part);
  const json = await spooler(["show", "--dir", temp.path, "--json", NAME]);
  const [task] = jsonLines(json.stdout);
  assertEquals(task?.["vars"], [
    { key: "ud_spool_func", value: "bad" },
    { key: "to", value: "a@example.org\x1b" },
  ]);
  assertEquals((task?.["history"] as Json)["lastFailureAt"], "2001-09-09T01:56:40.000Z");
  assertEquals(task?.["failed"], { at: "2001-09-09T01:58:20.000Z", reason: "exit code 65" });
});

test("show --body is the body and nothing else", async () => {
  await using temp = await tempDir();
  const body = "line\n".repeat(50_000);
  await writeTask(join(temp.path, "7"), NAME, { a: "b" }, { body: new TextEncoder().encode(body) });
  const { code, stdout, stderr } = await spooler(
    ["show", "--dir", temp.path, `7/${LABEL}`, "--body"],
  );
  assertEquals([code, stdout === body, stderr], [0, true, ""]);
});

test("show masks what looks like a secret, and --reveal prints it", async () => {
  await using temp = await tempDir();
  await writeTask(temp.path, NAME, { API_TOKEN: "abc123" });
  const show = ["show", "--dir", temp.path, LABEL];
  const masked = await spooler(show);
  assertEquals(masked.code, 0);
  assertMatch(masked.stdout, /API_TOKEN = \*{8}$/m);
  assertMatch((await spooler([...show, "--reveal"])).stdout, /API_TOKEN = abc123$/m);
  assertMatch((await spooler([...show, "--reveal", "--json"])).stdout, /"value":"abc123"/);
});

test("a failed task that is retried runs again at once, and can be waited for", async () => {
  await using site = await makeSite("spooler-task = name=mail test -e ready || exit 65");
  await using program = await site.start();
  const pushed = await spooler(["push", "--dir", site.spool, "ud_spool_func=mail"]);
  const name = pushed.stdout.trim();
  await program.line(/given up, kept in failed/);
  const failed = await spooler(["wait", "--ini", site.ini, name, "--timeout", "20s"]);
  assertEquals(failed.code, 1);
  assertMatch(failed.stderr, /^spooler: \S+: failed: exit code 65$/m);
  await Deno.writeTextFile(join(site.dir, "ready"), "");
  const retried = await spooler(["retry", "--ini", site.ini, name]);
  assertEquals([retried.code, retried.stderr], [0, ""]);
  assertMatch(retried.stdout, /^\S+: retried, had failed\n$/);
  await program.line(/ done /);
  const waited = await spooler(["wait", "--ini", site.ini, name, "--json"]);
  assertEquals(waited.code, 0);
  assertEquals(jsonLines(waited.stdout), [{ name, result: "done", wasSeen: false }]);
  assertEquals(await exists(join(site.spool, "failed", `${name}.json`)), false);
  assertEquals(await program.stop(), 0);
});

test("a deferred task that is retried runs at once", async () => {
  await using site = await makeSite("spooler-task = name=mail echo here it is");
  await using program = await site.start();
  const { stdout } = await spooler(
    ["push", "--dir", site.spool, "--at", String(FAR), "ud_spool_func=mail"],
  );
  const retried = await spooler(["retry", "--dir", site.spool, "--json", stdout.trim()]);
  assertEquals(jsonLines(retried.stdout), [{
    spool: site.spool,
    name: stdout.trim(),
    priority: null,
    from: "queue",
    result: "retried",
    was: "deferred",
  }]);
  await program.line(/mail\| here it is/);
  assertEquals(await program.stop(), 0);
});

test("retry --all takes the failed tasks of all spools, and a filter takes some of them", async () => {
  await using site = await makeSite("spooler = other", BAD);
  await writeFailed(site.spool, `${NAME}1`);
  await writeFailed(site.spool, `${NAME}2`, { ud_spool_func: "other" });
  await writeFailed(join(site.dir, "other"), `${NAME}3`);
  const some = await spooler(["retry", "--ini", site.ini, "--all", "--func", "other"]);
  assertEquals(some.stdout, `${LABEL}2: retried, had failed\n`);
  const all = await spooler(["retry", "--ini", site.ini, "--all"]);
  assertEquals(all.stdout, `${LABEL}1: retried, had failed\n${LABEL}3: retried, had failed\n`);
  assertEquals((await spooler(["retry", "--ini", site.ini, "--all"])).stdout, "");
  const { stdout } = await spooler(["list", "--ini", site.ini, "--json"]);
  const tasks = jsonLines(stdout).map(({ name, state, failures }) => [name, state, failures]);
  assertEquals(tasks, [2, 1, 3].map((i) => [`${NAME}${i}`, "ready", 0]));
});

test("remove deletes ready, deferred and failed tasks, the twin in failed/ by its place", async () => {
  await using temp = await tempDir();
  const waiting = await writeTask(temp.path, NAME, {});
  const failed = await writeFailed(temp.path, NAME);
  const first = await spooler(["remove", "--dir", temp.path, `failed/${LABEL}`]);
  assertEquals([first.code, first.stdout], [0, `${LABEL}: removed, had failed\n`]);
  assertEquals([await exists(failed), await exists(`${failed}.json`)], [false, false]);
  const second = await spooler(["remove", "--dir", temp.path, LABEL, "web1_unknown"]);
  assertEquals([second.code, second.stdout], [1, `${LABEL}: removed, was ready\n`]);
  assertEquals(second.stderr, "spooler: web1_unknown: no such task\n");
  assertEquals(await exists(waiting), false);
});

test("a name that is two tasks is not guessed at", async () => {
  await using temp = await tempDir();
  await writeTask(join(temp.path, "1"), NAME, {});
  await writeTask(join(temp.path, "2"), NAME, {});
  const { code, stderr } = await spooler(["remove", "--dir", temp.path, LABEL]);
  assertEquals(code, 1);
  assertMatch(stderr, new RegExp(`several tasks have this name: .*: 1/${NAME}, .*: 2/${NAME}`));
  assertEquals((await spooler(["remove", "--dir", temp.path, `2/${LABEL}`])).code, 0);
});

testWithLibc(
  "a running task is listed as running, and is neither removed nor retried",
  async () => {
    await using site = await makeSite(
      "spooler-task = name=slow until test -e go; do sleep 0.02; done",
    );
    await using program = await site.start();
    const name = (await spooler(["push", "--dir", site.spool, "ud_spool_func=slow"])).stdout.trim();
    await program.line(/slow \S+ started/);
    const { stdout } = await spooler(["list", "--ini", site.ini, "--state", "running", "--json"]);
    assertEquals(jsonLines(stdout).map((line) => line["name"]), [name]);
    for (const command of ["remove", "retry"]) {
      const { code, stderr } = await spooler([command, "--ini", site.ini, name]);
      assertEquals(code, 1);
      assertMatch(stderr, /^spooler: \S+: is running: not changed\n$/);
      const json = await spooler([command, "--ini", site.ini, name, "--json"]);
      assertEquals([json.code, jsonLines(json.stdout)[0]?.["result"]], [1, "running"]);
    }
    assert(await exists(join(site.spool, name)));
    const waiting = spooler(["wait", "--ini", site.ini, name, "--timeout", "20s"]);
    await Deno.writeTextFile(join(site.dir, "go"), "");
    assertEquals((await waiting).code, 0);
    await program.line(/slow \S+ done/);
    assertEquals(program.log.split(" started from ").length, 2, "it ran once");
    assertEquals(await program.stop(), 0);
  },
);

testWithLibc("wait sees the end of a task when it comes, whoever runs it", async () => {
  await using temp = await tempDir();
  const path = await writeTask(temp.path, NAME, {});
  await using watching = await startWait(temp.path);
  await Deno.remove(path);
  assertEquals(await watching.ended(), 0);
  await writeTask(temp.path, NAME, {});
  await using failing = await startWait(temp.path);
  await Deno.mkdir(join(temp.path, "failed"), { recursive: true });
  await Deno.rename(path, join(temp.path, "failed", NAME));
  assertEquals(await failing.ended(), 1);
  assertMatch(failing.log, /failed: without a record of why/);
});

/** A `wait` that watches the task. */
function startWait(dir: string): Promise<Program> {
  const args = ["wait", "--dir", dir, LABEL, "--timeout", "20s"];
  return Program.start(args, { begun: /: waiting$/ });
}

testWithLibc(
  "wait gives up after its timeout, and a task that is held is still not done",
  async () => {
    await using temp = await tempDir();
    const path = await writeTask(temp.path, NAME, {});
    await using _holder = await holdTask(path);
    const { code, stderr } = await spooler([
      "wait",
      "--dir",
      temp.path,
      LABEL,
      "--timeout",
      "50ms",
    ]);
    const lines = [`spooler: ${LABEL}: waiting`, `spooler: ${LABEL}: still not done`, ""];
    assertEquals([code, stderr.split("\n")], [1, lines]);
  },
);

test("pause and resume say what they did, and list mentions a pause", async () => {
  await using temp = await tempDir();
  const run = async (...args: string[]) => await spooler([...args, "--dir", temp.path]);
  assertEquals((await run("pause")).stdout, `${temp.path}: paused\n`);
  assertMatch((await run("pause")).stdout, /: was paused already, since 20\d\d-/);
  assertMatch((await run("list")).stderr, /paused since 20\d\d-.*: nothing is started/);
  assertEquals(await exists(join(temp.path, ".spooler/paused")), true);
  assertEquals(jsonLines((await run("resume", "--json")).stdout), [
    { spool: temp.path, paused: false, changed: true, pausedSince: null },
  ]);
  assertEquals((await run("resume")).stdout, `${temp.path}: was not paused\n`);
});

test("a program whose spool is paused starts nothing, not even what is retried, until it is resumed", async () => {
  await using site = await makeSite("spooler-task = name=mail echo here it is");
  await using program = await site.start();
  await spooler(["pause", "--ini", site.ini]);
  await program.line(/ paused/);
  await writeFailed(site.spool, NAME, { ud_spool_func: "mail" });
  const { code, stderr } = await spooler(["retry", "--ini", site.ini, LABEL]);
  assertEquals(code, 0);
  assertMatch(stderr, /is paused since .*: nothing runs before spooler resume\n$/);
  const { stdout } = await spooler(["list", "--ini", site.ini, "--json"]);
  assertEquals(jsonLines(stdout).map((line) => line["state"]), ["ready"]);
  await spooler(["resume", "--ini", site.ini]);
  await program.line(/mail \S+ done/);
  const order = program.log.split("\n").filter((line) => / resumed| started from /.test(line));
  assertMatch(order[0] ?? "", / resumed/);
  assertEquals(await program.stop(), 0);
});

const MISTAKES: [string, string[], RegExp][] = [
  ["list of nothing", ["list"], /list needs one of --ini and --dir/],
  ["list of two", ["list", "--ini", "a", "--dir", "b"], /one of --ini and --dir/],
  [
    "a path that is no directory",
    ["list", "--dir", "/nowhere"],
    /--dir is not a directory: "\/nowhere"/,
  ],
  ["a bad state", ["list", "--dir", "/tmp", "--state", "lost"], /--state needs .*: "lost"/],
  ["a bad age", ["list", "--dir", "/tmp", "--older", "old"], /--older needs a duration.*: "old"/],
  ["list of a name", ["list", "--dir", "/tmp", "x"], /"x"/],
  ["show without a name", ["show", "--dir", "/tmp"], /show needs the NAME/],
  ["a path for a name", ["show", "--dir", "/tmp", "../x"], /NAME, PRIORITY\/NAME or .*: "\.\.\/x"/],
  ["retry of nothing", ["retry", "--dir", "/tmp"], /retry needs the NAME/],
  ["retry of all and one", ["retry", "--dir", "/tmp", "--all", "x"], /not both/],
  ["remove --all", ["remove", "--dir", "/tmp", "--all"], /--all/],
  ["a bad timeout", ["wait", "--dir", "/tmp", "x", "--timeout", "soon"], /--timeout needs/],
  ["pause of a task", ["pause", "--dir", "/tmp", "x"], /pause takes no argument "x"/],
];

for (const [what, args, message] of MISTAKES) {
  test(`${what} is one clear line and exit code 2`, async () => {
    const { code, stdout, stderr } = await spooler(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  });
}

test("list names directories with tasks that never run", async () => {
  await using temp = await tempDir();
  await writeTask(temp.path, `${NAME}1`, {});
  await writeTask(join(temp.path, "urgent"), `${NAME}2`, {});
  await Deno.mkdir(join(temp.path, "empty"));
  for (const more of [[], ["--json"]]) {
    const { stdout, stderr } = await spooler(["list", "--dir", temp.path, ...more]);
    assertMatch(
      stderr,
      /\/urgent\/ has tasks that never run: the name of a priority directory must be all digits/,
    );
    assertMatch(stdout, /_1000000000_01/);
    assertEquals([/empty/.test(stderr), stdout.includes("_1000000000_02")], [false, false]);
  }
});

testWithLibc("a name that is no UTF-8 is shown, and can be typed as it is shown", async () => {
  await using temp = await tempDir();
  const path = await writeTask(temp.path, NAME, { ud_spool_func: "odd" }, { mtime: FAR });
  const odd = nameFromBytes(Uint8Array.of(0x61, 0xff));
  renameBytes(path, join(temp.path, PREFIX + odd));
  const { stdout } = await spooler(["list", "--dir", temp.path]);
  assertMatch(stdout, /odd {2,}a\\xff/);
  const json = jsonLines((await spooler(["list", "--dir", temp.path, "--json"])).stdout);
  assertEquals(json.map(({ name }) => name), [PREFIX + odd]);
  const shown = await spooler(["show", "--dir", temp.path, "a\\xff"]);
  assertMatch(shown.stdout, /^task +a\\xff$/m);
  const removed = await spooler(["remove", "--dir", temp.path, "a\\xff"]);
  assertEquals([removed.code, removed.stdout], [0, "a\\xff: removed, was deferred\n"]);
  assertEquals((await spooler(["list", "--dir", temp.path, "--json"])).stdout, "");
});

test("show, retry and remove take the path that show prints, with or without --dir", async () => {
  await using temp = await tempDir();
  const ready = await writeTask(join(temp.path, "7"), NAME, { ud_spool_func: "a" });
  const failed = await writeFailed(temp.path, NAME);
  for (const path of [ready, failed]) {
    for (const where of [[], ["--dir", temp.path]]) {
      const { code, stdout, stderr } = await spooler(["show", path, ...where]);
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, `file      ${path}\n`);
    }
  }
  assertMatch((await spooler(["retry", failed])).stdout, /retried, had failed/);
  assertMatch(
    (await spooler(["remove", ready, "--dir", temp.path])).stdout,
    /removed, was ready/,
  );
  const elsewhere = await spooler(["show", "/nowhere/x", "--dir", temp.path]);
  assertEquals(elsewhere.code === 0, false);
});
