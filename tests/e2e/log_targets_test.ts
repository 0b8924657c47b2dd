/** Where the log goes: a file that rotates and is opened anew, syslog, datagrams, the journal. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { makeSite, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

const named = (name: string) => `${programLabel}: log: ${name}`;

async function push(site: Site, ...vars: string[]): Promise<void> {
  const { code, stderr } = await spooler(["push", "--dir", site.spool, ...vars]);
  assertEquals(code, 0, stderr);
}

const textOf = (path: string) => Deno.readTextFile(path).catch(() => "");

/** A program whose log goes elsewhere: it is ready when that file says so. */
async function startLoggingTo(file: string, site: Site): Promise<Program> {
  const program = Program.launch(...commandLine(["--ini", site.ini]));
  await until(async () => / ready$/m.test(await textOf(file)), "the start");
  return program;
}

Deno.test(
  named("logto takes all of it, SIGUSR2 and a touch open it anew, another touch rotates"),
  async () => {
    await using site = await makeSite(
      "spooler-task = echo out; echo err >&2",
      "logto2 = log",
      "touch-logreopen = reopen",
      "touch-logrotate = rotate",
      "log-backupname = log.before",
    );
    const log = join(site.dir, "log");
    await using program = await startLoggingTo(log, site);
    await push(site, "ud_spool_func=f");
    await until(async () => / done /.test(await textOf(log)), "the task");
    assertMatch(await textOf(log), / \d+_\d+ f\| out$/m);
    assertMatch(await textOf(log), / \d+_\d+ f! err$/m);

    await Deno.rename(log, join(site.dir, "log.1"));
    program.signal("SIGUSR2");
    await until(() => Deno.stat(log).then(() => true, () => false), "a new file");
    program.signal("SIGUSR1");
    await until(async () => / status: /.test(await textOf(log)), "a status in the new file");

    await Deno.rename(log, join(site.dir, "log.2"));
    await until(async () => {
      await Deno.writeTextFile(join(site.dir, "reopen"), `${Math.random()}`);
      return await Deno.stat(log).then(() => true, () => false);
    }, "a new file after a touch");

    program.signal("SIGUSR1");
    await until(async () => / status: /.test(await textOf(log)), "a status");
    await until(async () => {
      await Deno.writeTextFile(join(site.dir, "rotate"), `${Math.random()}`);
      return await Deno.stat(join(site.dir, "log.before")).then(() => true, () => false);
    }, "a rotated file");
    assertMatch(await textOf(join(site.dir, "log.before")), / status: /);
    assertEquals(await program.stop(), 0);
    assertMatch(await textOf(log), / stopped$/m);
  },
);

Deno.test(named("log-maxsize rotates between lines"), async () => {
  await using site = await makeSite(
    "spooler-task = for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done",
    "logto2 = log",
    "log-maxsize = 500",
    "log-backupname = log.before",
  );
  const log = join(site.dir, "log");
  await using program = await startLoggingTo(log, site);
  await push(site, "ud_spool_func=f");
  const all = async () => await textOf(join(site.dir, "log.before")) + await textOf(log);
  await until(async () => / done /.test(await all()), "the task");
  for (const text of [await textOf(log), await textOf(join(site.dir, "log.before"))]) {
    assertMatch(text, /^(?:\d{4}-.*\n)?$/s);
  }
  assertEquals(await program.stop(), 0);
});

Deno.test(named("a file that cannot be opened is an error of the start"), async () => {
  await using site = await makeSite("spooler-task = true", "logto = /nowhere/log");
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 1);
  assertMatch(stderr, /\/nowhere\/log/);
});

/** Prints each datagram of a UDP port as one line, after the port. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print("port", s.getsockname()[1], file=sys.stderr, flush=True)
while True:
    print(s.recv(65536).decode(), file=sys.stderr, flush=True)
`;

testWith("python", named("logger sends lines as datagrams, and to further files"), async () => {
  await using receiver = Program.launch(testPython, ["-c", RECEIVER]);
  const port = /port (\d+)/.exec(await receiver.line(/^port \d+/))?.[1];
  await using site = await makeSite(
    "spooler-task = echo hello",
    `logger = socket:127.0.0.1:${port}`,
    "logger = file:copy",
    "log-level = info",
  );
  await using program = await startLoggingTo(join(site.dir, "copy"), site);
  await push(site, "ud_spool_func=f");
  await receiver.line(/ f\| hello$/);
  await until(async () => /\| hello$/m.test(await textOf(join(site.dir, "copy"))), "the copy");
  assertEquals(await program.stop(), 0);
  await receiver.line(/ stopped$/);
});

Deno.test(
  named("a log of warnings leaves out what goes well, and JSON says the level"),
  async () => {
    await using site = await makeSite(
      "spooler-task = name=bad exit 65",
      "spooler-task = true",
      "log-level = warning",
      "log-json = true",
      "logto2 = log",
    );
    const log = join(site.dir, "log");
    await using program = Program.launch(...commandLine(["--ini", site.ini]));
    await until(() => Deno.stat(site.spool).then(() => true, () => false), "the spool");
    await push(site, "ud_spool_func=good");
    await push(site, "ud_spool_func=bad");
    await until(async () => /"level":"error"/.test(await textOf(log)), "the failure");
    assert(!/"level":"info"/.test(await textOf(log)), await textOf(log));
    assertEquals(await program.stop(), 0);
  },
);
