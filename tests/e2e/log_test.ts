/** The log of the running program: as programs read it, and where nobody can or will. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { smallFileSystem } from "../support/mount.ts";
import { commandLine, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

Deno.test(`${programLabel}: log-json makes every line an object with its time and type`, async () => {
  await using site = await makeSite("log-json = true", 'spooler-task = echo "say \\"it\\""');
  await using program = await site.start(/"program.ready"/);
  await spooler(["push", "--dir", site.spool, "ud_spool_func=talk"]);
  await program.line(/"task.settled"/);
  assertEquals(await program.stop(), 0);
  const events = program.log.split("\n").map((line) => JSON.parse(line));
  assert(events.every(({ time }) => new Date(time).toISOString() === time));
  const output = events.find(({ type }) => type === "task.output");
  assertEquals([output.func, output.stream, output.line], ["talk", "stdout", 'say "it"']);
  assertEquals(events.find(({ type }) => type === "task.settled").fate, { kind: "done" });
  assertEquals(events.at(-1).type, "program.stopped");
});

Deno.test(`${programLabel}: the log keeps the secrets of the ini, in commands and in what they print`, async () => {
  for (const json of ["false", "true"]) {
    await using site = await makeSite(
      `log-json = ${json}`,
      "api_token = sesame-sesame",
      "cron = 0 3 * * * export DB_PASSWORD=hunter2; ./sync --token=%(api_token)",
      "spooler-task = echo I know hunter2 and %(api_token)",
    );
    await using program = await site.start(/ ready$|"program.ready"/);
    await spooler(["push", "--dir", site.spool, "ud_spool_func=talk"]);
    await program.line(/ done |"task.settled"/);
    assertEquals(await program.stop(), 0);
    assertMatch(program.log, /I know \*{8} and \*{8}/);
    assertMatch(program.log, /export DB_PASSWORD=\*{8};? \.\/sync --token=\*{8}/);
    assert(!/hunter2|sesame/.test(program.log), program.log);
  }
  await using site = await makeSite("cron = 0 3 * * * export DB_PASSWORD=hunter2; ./sync");
  for (
    const args of [["check", site.ini], ["next", "--ini", site.ini], [
      "jobs",
      "--ini",
      site.ini,
      "--json",
    ]]
  ) {
    const { code, stdout } = await spooler(args);
    assertEquals([code, stdout.includes("hunter2"), stdout.includes("********")], [0, false, true]);
  }
});

Deno.test(`${programLabel}: why a task is ready again is logged when it is another reason than before`, async () => {
  await using site = await makeSite(
    "spooler-frequency = 0.05",
    "spooler-task = name=mine true",
    "timer2 = every=300ms,name=beat true",
  );
  for (const count of ["1", "2"]) {
    await spooler([
      "push",
      ...["--dir", site.spool, "--create", "ud_spool_func=theirs", `count=${count}`],
    ]);
  }
  await using program = await site.start();
  await program.line(/ is ready again: /);
  await program.line(/ job beat done /, 4);
  assertEquals(program.log.match(/ theirs \S+ (?:postponed|is ready again)/g)?.length, 2);
  assertEquals(await program.stop(), 0);
});

/** Long lines: some tens of them fill a pipe. */
const TALK = `spooler-task = echo ${"x".repeat(4000)}; echo done >>done`;

/** Starts the program with its stderr where the shell puts it. */
function start(site: Site, redirect: string) {
  const [file, args] = commandLine(["--ini", site.ini]);
  return new Deno.Command("/bin/sh", {
    args: ["-c", `exec "$0" "$@" ${redirect}`, file, ...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

async function runTasks(site: Site, count: number): Promise<void> {
  const done = join(site.dir, "done");
  const before = await linesOf(done);
  await Promise.all(
    Array.from({ length: count }, () => spooler(["push", "--dir", site.spool, "--create", "a=b"])),
  );
  await until(async () => await linesOf(done) >= before + count, "the tasks are done");
}

async function linesOf(path: string): Promise<number> {
  return (await Deno.readTextFile(path).catch(() => "")).split("\n").length - 1;
}

testWith(
  "libc",
  `${programLabel}: a log that nobody reads stops nothing, also not the end`,
  async () => {
    await using site = await makeSite("spooler-frequency = 1", TALK);
    const child = start(site, "");
    // The pipe is full long before; nobody has read a byte.
    await runTasks(site, 25);
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
    const text = await new Response(child.stderr).text();
    assertMatch(text, / ready\n/);
    assert(!/ stopped\n/.test(text), "what did not fit into the pipe is lost");
  },
);

testWith(
  "libc",
  `${programLabel}: a log that is read late has everything that was kept`,
  async () => {
    await using site = await makeSite("spooler-frequency = 1", TALK);
    const child = start(site, "");
    await runTasks(site, 25);
    const reading = new Response(child.stderr).text();
    await runTasks(site, 1);
    child.kill("SIGTERM");
    const text = await reading;
    assertEquals(text.match(/\| x{4000}$/gm)?.length, 26);
    assertMatch(text, / stopped\n$/);
  },
);

testWith("mount", `${programLabel}: a full disk under the log stops nothing`, async () => {
  await using disk = await smallFileSystem(256);
  await using site = await makeSite("spooler-frequency = 1", TALK);
  const log = join(disk.path, "log");
  const child = start(site, `2>>${log}`);
  await until(
    async () => (await Deno.readTextFile(log).catch(() => "")).includes(" ready\n"),
    "ready",
  );
  await Deno.writeFile(join(disk.path, "ballast"), new Uint8Array(300 * 1024)).catch(() => {});
  await runTasks(site, 10);
  await Deno.remove(join(disk.path, "ballast"));
  await until(
    async () => /done \(/.test((await Deno.readTextFile(log)).slice(-200)),
    "the log goes on",
  );
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  await child.stderr.cancel();
  const text = await Deno.readTextFile(log);
  assertEquals(text.match(/\| x{4000}$/gm)?.length, 10);
  assertMatch(text, / stopped\n$/);
});

for (const format of ["text", "json"]) {
  Deno.test(`${programLabel}: secrets are in no line of the log (${format})`, async () => {
    await using site = await makeSite(
      ...(format === "json" ? ["log-json = true"] : []),
      "cron2 = minute=0,hour=0,name=sync export DB_PASSWORD=hunter2hunter2; ./sync",
      "timer2 = every=1h,at-start=1,name=echo echo $API_TOKEN",
      'env = API_TOKEN=to"ken"value',
      "spooler-task = curl --token tokenoftask; echo hunter2hunter2",
    );
    await using program = await site.start(/ready/);
    await spooler(["push", "--dir", site.spool, "ud_spool_func=talk"]);
    await program.line(/talk.*\*{8}/);
    await program.line(/echo\|? ?.*\*{8}/);
    assertEquals(await program.stop(), 0);
    assert(!/hunter2|tokenoftask|ken"?\\?"?value/.test(program.log), program.log);
    assertMatch(program.log, /sync.*DB_PASSWORD=\*{8}; .\/sync/);
  });
}

testWith("openssl", `${programLabel}: nothing but the log prints, whatever is in use`, async () => {
  await using site = await makeSite(
    ...["log-json = true", "spooler-secret = sesame-sesame", "socket = in.sock"],
    "suwsgi-socket = 127.0.0.1:0,server.pem,server.key,ca.pem",
    "spooler-forward = out suwsgi://127.0.0.1:1,ca=ca.pem,secret=sesame-sesame",
    ...["spooler-import = tasks.ts", "spooler-import = tasks.py", "spooler-task = name=sh echo $X"],
    ...["cron = -1 -1 -1 -1 -1 true", "timer2 = every=200ms,name=tick echo tock; echo tuck >&2"],
  );
  await makeTlsParties(site.dir);
  await Deno.writeTextFile(
    join(site.dir, "tasks.ts"),
    "export function ts() { console.log(1); console.error(2); throw new Error('three'); }",
  );
  await Deno.writeTextFile(
    join(site.dir, "tasks.py"),
    "import sys, warnings\nfrom uwsgidecorators import *\n@spool\ndef py(args):\n" +
      "    print(1)\n    print(2, file=sys.stderr)\n    warnings.warn('three')\n",
  );
  const [file, args] = commandLine(["--ini", site.ini]);
  const options = { stdout: "piped", stderr: "piped", stdin: "null" } as const;
  const child = new Deno.Command(file, { args, ...options }).spawn();
  const printed = new Response(child.stdout).text();
  const log = new Response(child.stderr).text();
  const socket = join(site.dir, "in.sock");
  const secret = join(site.dir, "secret");
  await Deno.writeTextFile(secret, "sesame-sesame", { mode: 0o600 });
  await until(() => isThere(socket), "the socket");
  for (const func of ["ts", "py", "sh"]) {
    const task = [`ud_spool_func=${func}`, "X=what it says"];
    const { code, stderr } = await spooler([
      ...["push", "--to", socket, "--secret-file", secret, ...task],
    ]);
    assertEquals([code, stderr], [0, ""]);
  }
  // Their results, over a reload: what is done or deferred is under way no more.
  child.kill("SIGHUP");
  await until(async () => {
    const { stdout } = await spooler(["list", "--dir", site.spool, "--json"]);
    return !/"state":"(ready|started)"/.test(stdout);
  }, "the end of the tasks");
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  assertEquals(await printed, "");
  const types = (await log).trim().split("\n").map((line) => JSON.parse(line).type);
  for (const type of ["task.output", "task.settled", "job.output", "program.reloading"]) {
    assert(types.includes(type), type);
  }
});

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
