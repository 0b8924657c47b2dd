import { join } from "@std/path";
import { ACCEPTED } from "../../src/wire/answer.ts";
import { MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { type Output, programLabel, spooler } from "../support/program.ts";
import { makeSite, portIn, type Site } from "../support/site.ts";
import { tempDir } from "../support/temp.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: push: ${name}`, body);

const jsonLines = (text: string): Record<string, unknown>[] =>
  text.trimEnd().split("\n").map((line) => JSON.parse(line));

const push = (...args: string[]): Promise<Output> => spooler(["push", ...args]);

async function filesIn(dir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(dir)) if (isFile) names.push(name);
  return names;
}

/** The keys of a task as the program shows them. */
async function keysOf(site: Site, name: string): Promise<Record<string, string>> {
  const { stdout } = await spooler(["show", "--dir", site.spool, "--json", name]);
  const { vars } = JSON.parse(stdout) as { vars: { key: string; value: string }[] };
  return Object.fromEntries(vars.map(({ key, value }) => [key, value]));
}

test("a directory that is not there is an error, and --create makes it", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spoool");
  const typo = await push("--dir", dir, "a=b");
  assertEquals([typo.code, typo.stdout], [2, ""]);
  assertMatch(typo.stderr, /^spooler: push: --dir is not a directory \(--create makes it\): /);
  assertEquals((await Array.fromAsync(Deno.readDir(temp.path))).length, 0);
  const made = await push("--dir", dir, "--create", "a=b");
  assertEquals([made.code, await filesIn(dir)], [0, [made.stdout.trim()]]);
});

test("an address says what is wanted of it", async () => {
  const forms = "--to takes HOST:PORT, the path of a unix socket, @NAME or tls://HOST:PORT";
  for (
    const [to, rest] of [
      ["127.0.0.1", '; did you mean 127.0.0.1:3031?: "127.0.0.1"'],
      ["tls://hub", '; did you mean hub:3031?: "tls://hub"'],
      ["http://hub:80/", ': "http://hub:80/"'],
    ] as const
  ) {
    const { code, stderr } = await push("--to", to, "a=b");
    assertEquals([code, stderr], [2, `spooler: ${forms}${rest}\n`]);
  }
});

test("a function without a handler is warned of, and put all the same", async () => {
  await using site = await makeSite("spooler-task = name=hello true");
  const typo = await push("--ini", site.ini, "ud_spool_func=helo");
  assertEquals([typo.code, typo.stdout.trim()], [0, (await filesIn(site.spool))[0]]);
  const warning =
    `spooler: warning: ${site.ini} has no handler for the function helo; did you mean hello?\n`;
  assertEquals(typo.stderr, warning);
  assertEquals((await push("--ini", site.ini, "ud_spool_func=hello")).stderr, "");
});

test("commands run where the ini allows them, in the directory of the push", async () => {
  await using site = await makeSite("spooler-shell = true", "spooler-max-retries = 1");
  await using program = await site.start();
  // A word of its own for each argument, whatever is in it.
  const words = ["a b", "it's", '"$HOME"', "", "*", "ä\n;"];
  const script = 'pwd -P; printf "[%s]" "$@"; echo; cat; exit 65';
  const args = ["push", "--ini", site.ini, "--wait", "--body-file", "-"];
  const ran = await spooler([...args, "--", "sh", "-c", script, "sh", ...words], "the body\n");
  assertEquals(ran.code, 65);
  assertMatch(ran.stderr, /^spooler: \S+: failed: exit code 65$/m);
  await program.line(/spooler-shell\| the body$/);
  const line = (text: string) =>
    assert(program.log.includes(`spooler-shell| ${text}`), program.log);
  line(await Deno.realPath(Deno.cwd()));
  line(`[a b][it's]["$HOME"][][*][ä`);
  assertEquals(await program.stop(), 0);
});

test("commands are refused where the ini does not allow them", async () => {
  await using site = await makeSite("spooler-task = echo anything");
  const refused = await push("--ini", site.ini, "--", "true");
  assertEquals([refused.code, refused.stdout], [2, ""]);
  assertEquals(
    refused.stderr,
    `spooler: ${site.ini} does not allow commands in ${site.spool} (spooler-shell = true)\n`,
  );
  for (
    const [args, problem] of [
      [["--dir", site.dir, "--", "true"], /needs --ini: the ini says whether commands may run/],
      [["--to", "127.0.0.1:1", "--", "true"], /needs --ini/],
      [["--ini", site.ini, "--"], /needs a command behind --/],
      [["--ini", site.ini, "ud_spool_func=x", "--", "true"], /takes no ud_spool_func/],
      [["--ini", site.ini, "ud_spool_func=spooler-shell", "command=id"], /does not allow commands/],
    ] as const
  ) {
    const { code, stderr } = await push(...args);
    assertEquals(code, 2);
    assertMatch(stderr, problem);
  }
});

test("a command that comes over a socket is refused, also where the ini allows commands", async () => {
  await using site = await makeSite("spooler-shell = true", "socket = 127.0.0.1:0");
  await using program = await site.start();
  const port = portIn(await program.line(/socket 127\.0\.0\.1:\d+$/));
  const task = ["ud_spool_func=spooler-shell", "command=touch hacked", `cwd=${site.dir}`];
  const { code, stdout } = await push("--to", `127.0.0.1:${port}`, ...task);
  assertEquals([code, stdout], [1, "refused\n"]);
  await program.line(/spooler-shell is not taken from sockets/);
  assertEquals(await program.stop(), 0);
});

test("--wait ends with the task: 0, the code of its command, or 1 when it takes too long", async () => {
  await using site = await makeSite(
    "spooler-max-retries = 1",
    "spooler-retry-delay = 0.1",
    "spooler-task = name=good true",
    'spooler-task = name=bad exit "$SPOOL_CODE"',
  );
  await using program = await site.start();
  const wait = (...args: string[]) => push("--ini", site.ini, "--wait", ...args);
  assertEquals((await wait("ud_spool_func=good")).code, 0);
  const bad = await wait("ud_spool_func=bad", "code=7");
  assertEquals(bad.code, 7);
  assertMatch(
    bad.stderr,
    /: attempt 1 failed: exit code 7; it runs again\n.*: failed: exit code 7$/m,
  );
  const json = await wait("--json", "ud_spool_func=bad", "code=9");
  const [end] = jsonLines(json.stdout);
  assertEquals([json.code, end?.["result"], end?.["code"], end?.["reason"]], [
    ...[9, "failed", 9, "exit code 9"],
  ]);
  const late = await wait("--timeout", "1ms", "--at", "1h", "ud_spool_func=good");
  assertEquals(late.code, 1);
  assertMatch(late.stderr, /: still not done$/m);
  assertEquals(await program.stop(), 0);
});

test("many tasks come as lines of JSON, with values that are no texts", async () => {
  await using site = await makeSite("spooler-task = true");
  const lines = [
    { ud_spool_func: "mail", to: "ann", user: { id: 1 }, tags: [] },
    { ud_spool_func: "mail", at: "1h", priority: 3, body: "text" },
    ...Array.from({ length: 200 }, (_, n) => ({ n })),
  ].map((line) => JSON.stringify(line)).join("\n");
  const args = ["push", "--ini", site.ini, "--json", "--priority", "9", "--lines", "-"];
  const { code, stdout, stderr } = await spooler(args, `${lines}\n\n`);
  assertEquals([code, stderr], [0, ""]);
  const put = jsonLines(stdout);
  assertEquals(put.length, 202);
  assertEquals(put.map(({ priority }) => priority), ["9", "3", ...Array(200).fill("9")]);
  assertEquals(await keysOf(site, String(put[0]?.["name"])), {
    ...{ ud_spool_func: "mail", to: "ann", user: '{"id":1}', tags: "[]", priority: "9" },
    spooler_json: '["user","tags"]',
  });
  const later = await spooler(["show", "--dir", site.spool, "--body", String(put[1]?.["name"])]);
  assertEquals(later.stdout, "text");
});

/** One task a connection, and no answer to a ping, as a uWSGI without that plugin; returns how many tasks. */
async function serveAsUwsgi(listener: Deno.Listener): Promise<number> {
  let tasks = 0;
  for await (const connection of listener) {
    using socket = connection;
    const packet = new Uint8Array(4096);
    await socket.read(packet);
    if (packet[0] !== MODIFIER_SPOOL) continue;
    await socket.write(ACCEPTED);
    tasks++;
  }
  return tasks;
}

test("many tasks go to a server on one connection, and to a uWSGI all the same", async () => {
  await using site = await makeSite(
    "socket = 127.0.0.1:0",
    "spooler-max-priority = 5",
    "spooler-task = true",
  );
  await using program = await site.start();
  const to = `127.0.0.1:${portIn(await program.line(/ socket \S+:\d+$/))}`;
  const lines = Array.from({ length: 500 }, (_, n) => JSON.stringify({ ud_spool_func: "f", n }));
  const sent = await spooler(["push", "--to", to, "--lines", "-"], lines.join("\n"));
  assertEquals([sent.code, sent.stderr], [0, ""]);
  assertEquals(sent.stdout, "accepted\n".repeat(500));
  const mixed = ['{"a":"b"}', '{"a":"b","priority":9}', '{"a":"b"}'].join("\n");
  const some = await spooler(["push", "--to", to, "--json", "--lines", "-"], mixed);
  assertEquals(some.code, 1);
  assertEquals(jsonLines(some.stdout).map(({ result }) => result), [
    ...["accepted", "refused", "accepted"],
  ]);
  assertMatch(String(jsonLines(some.stdout)[1]?.["reason"]), /priority needs 0 to 5/);
  assertEquals(await program.stop(), 0);

  const uwsgi = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serveAsUwsgi(uwsgi);
  const old = `127.0.0.1:${(uwsgi.addr as Deno.NetAddr).port}`;
  const three = await spooler(["push", "--to", old, "--lines", "-"], mixed);
  assertEquals([three.code, three.stdout], [0, "accepted\n".repeat(3)]);
  uwsgi.close();
  assertEquals(await serving, 3);
});

test("a line that is no task names itself, and none is put", async () => {
  await using temp = await tempDir();
  const bad: [string, RegExp][] = [
    ["[1]", /line 2: needs an object such as/],
    ['{"a":', /line 2: .*JSON/],
    ["{}", /line 2: needs a key/],
    ['{"at":"2026-02-30"}', /line 2: --at needs a time that exists/],
    ['{"priority":"x"}', /line 2: priority needs digits/],
    ['{"body":{}}', /line 2: body needs a text or a number/],
    ['{"spooler_id":"x"}', /line 2: takes no key spooler_id/],
    [JSON.stringify({ a: "x".repeat(70_000) }), /line 2: .*65,?535/],
  ];
  for (const [line, problem] of bad) {
    const args = ["push", "--dir", temp.path, "--lines", "-"];
    const { code, stdout, stderr } = await spooler(args, `{"a":"b"}\n${line}\n`);
    assertEquals([code, stdout], [2, ""], line);
    assertMatch(stderr, problem);
  }
  for (const into of [["--dir", temp.path], ["--to", "127.0.0.1:1"]]) {
    const args = ["push", ...into, "--body-file", "/dev/null", "--lines", "-"];
    const { code, stderr } = await spooler(args, '{"a":"b"}\n{"a":"b"}\n');
    assertEquals([code, stderr], [2, "spooler: push takes --body-file with one task only\n"]);
  }
  assertEquals(await filesIn(temp.path), []);
});
