/** Where the log goes: a file that rotates and is opened anew, syslog, datagrams, the journal. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { makeSite, pushTask, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

const named = (name: string) => `${programLabel}: log: ${name}`;

const contentsOf = (path: string) => Deno.readTextFile(path).catch(() => "");

/** A program whose log goes elsewhere: it is ready when that file says so. */
async function startLoggingTo(file: string, site: Site): Promise<Program> {
  const program = Program.launch(...commandLine(["--ini", site.ini]));
  await until(async () => / ready$/m.test(await contentsOf(file)), "the start");
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
    await pushTask(site, "ud_spool_func=f");
    await until(async () => / done /.test(await contentsOf(log)), "the task");
    assertMatch(await contentsOf(log), / \d+_\d+ f\| out$/m);
    assertMatch(await contentsOf(log), / \d+_\d+ f! err$/m);

    await Deno.rename(log, join(site.dir, "log.1"));
    program.signal("SIGUSR2");
    await until(() => Deno.stat(log).then(() => true, () => false), "a new file");
    program.signal("SIGUSR1");
    await until(async () => / status: /.test(await contentsOf(log)), "a status in the new file");

    await Deno.rename(log, join(site.dir, "log.2"));
    await until(async () => {
      await Deno.writeTextFile(join(site.dir, "reopen"), `${Math.random()}`);
      return await Deno.stat(log).then(() => true, () => false);
    }, "a new file after a touch");

    program.signal("SIGUSR1");
    await until(async () => / status: /.test(await contentsOf(log)), "a status");
    await until(async () => {
      await Deno.writeTextFile(join(site.dir, "rotate"), `${Math.random()}`);
      return await Deno.stat(join(site.dir, "log.before")).then(() => true, () => false);
    }, "a rotated file");
    assertMatch(await contentsOf(join(site.dir, "log.before")), / status: /);
    assertEquals(await program.stop(), 0);
    assertMatch(await contentsOf(log), / stopped$/m);
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
  await pushTask(site, "ud_spool_func=f");
  const all = async () => await contentsOf(join(site.dir, "log.before")) + await contentsOf(log);
  await until(async () => / done /.test(await all()), "the task");
  for (const text of [await contentsOf(log), await contentsOf(join(site.dir, "log.before"))]) {
    assertMatch(text, /^(?:\d{4}-.*\n)?$/s);
  }
  assertEquals(await program.stop(), 0);
});

Deno.test(named("a file that cannot be opened is an error of the start"), async () => {
  await using site = await makeSite("spooler-task = true", "logto = /nowhere/log");
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 2);
  assertMatch(stderr, /site\.ini:4: .*\/nowhere/);
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
  await pushTask(site, "ud_spool_func=f");
  await receiver.line(/ f\| hello$/);
  await until(async () => /\| hello$/m.test(await contentsOf(join(site.dir, "copy"))), "the copy");
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
    await pushTask(site, "ud_spool_func=good");
    await pushTask(site, "ud_spool_func=bad");
    await until(async () => /"level":"error"/.test(await contentsOf(log)), "the failure");
    assert(!/"level":"info"/.test(await contentsOf(log)), await contentsOf(log));
    assertEquals(await program.stop(), 0);
  },
);

testWith("root", named("syslog has each line with facility, severity, name and pid"), async () => {
  await using site = await makeSite(
    "spooler-task = name=bad exit 65",
    "logger = syslog:site,local3",
  );
  const socket = join(site.dir, "log.sock");
  await using receiver = Program.launch(testPython, ["-c", SYSLOG, socket]);
  await receiver.line(/^listening$/);
  const [file, args] = commandLine(["--ini", site.ini]);
  // A /dev with that socket as its log, for the program alone.
  await using program = Program.launch("unshare", [
    ...["--mount", "sh", "-c", OWN_DEV, "sh", join(site.dir, "dev"), socket, file],
    ...args,
  ]);
  const severe = (facility: number, severity: number) =>
    `<${8 * facility + severity}>site\\[\\d+\\]: `;
  await receiver.line(new RegExp(`^${severe(19, 6)}.* ready$`));
  await pushTask(site, "ud_spool_func=bad");
  await receiver.line(new RegExp(`^${severe(19, 3)}.* bad \\S+ given up, kept in failed`));
  assertEquals(await program.stop(), 0);
});

/** $1 becomes /dev, with the socket $2 as its log; the rest is run. */
const OWN_DEV = `mkdir $1; mount -t tmpfs tmpfs $1
for name in null zero full random urandom tty; do touch $1/$name; mount --bind /dev/$name $1/$name; done
ln -s /proc/self/fd $1/fd; ln -s $2 $1/log; mount --move $1 /dev; shift 2; exec "$@"`;

/** Prints each datagram of a unix socket as one line. */
const SYSLOG = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", file=sys.stderr, flush=True)
while True:
    print(s.recv(65536).decode(), file=sys.stderr, flush=True)
`;

Deno.test(named("log-route sends lines to the logger of that name, and to no other"), async () => {
  await using site = await makeSite(
    "spooler-task = name=mail echo sent to ann",
    "spooler-task = echo something else",
    "logger = mails file:mails",
    "logger = nobody file:nobody",
    "logger = file:rest",
    "log-route = mails \\bmail\\| sent",
  );
  const textIn = (name: string) => contentsOf(join(site.dir, name));
  await using program = await startLoggingTo(join(site.dir, "rest"), site);
  await pushTask(site, "ud_spool_func=mail");
  await pushTask(site, "ud_spool_func=other");
  await until(async () => /other \S+ done/.test(await textIn("rest")), "the tasks");
  assertEquals((await textIn("mails")).match(/mail\| sent to ann$/gm)?.length, 1);
  assert(!/sent to ann/.test(await textIn("rest")), await textIn("rest"));
  assertMatch(await textIn("rest"), /\| something else$/m);
  assertEquals(await textIn("nobody"), "");
  assertEquals(await program.stop(), 0);
});

Deno.test(named("with named loggers alone the rest stays where it was"), async () => {
  await using site = await makeSite(
    "spooler-task = echo routed",
    "logger = some file:some",
    "log-route = some routed$",
  );
  await using program = await site.start();
  await pushTask(site, "a=1");
  await program.line(/ done /);
  await until(async () => /\| routed$/m.test(await contentsOf(join(site.dir, "some"))), "the line");
  assert(!/\| routed/.test(program.log), program.log);
  assertEquals(await program.stop(), 0);
});

for (
  const [line, said] of [
    ["log-route = other x", "needs a logger of that name"],
    ["log-route = some", "needs the NAME of a logger and a regular expression"],
    ["log-route = some (", "needs a regular expression behind the name"],
    ["logger = nowhere:x", "needs syslog"],
  ] as const
) {
  Deno.test(named(`${line} is an error with its place`), async () => {
    await using site = await makeSite("logger = some file:some", line);
    const { code, stderr } = await spooler(["check", site.ini]);
    assertEquals(code, 2);
    assert(stderr.includes(`site.ini:4: ${line.split(" ")[0]} ${said}`), stderr);
  });
}

Deno.test(named("log-reopen opens the file anew at a reload"), async () => {
  await using site = await makeSite("spooler-task = true", "logto = log", "log-reopen = true");
  const log = join(site.dir, "log");
  await using program = await startLoggingTo(log, site);
  await Deno.rename(log, join(site.dir, "log.1"));
  program.signal("SIGHUP");
  await until(async () => / ready$/m.test(await contentsOf(log)), "the log after the reload");
  assertEquals(await program.stop(), 0);
});

Deno.test(
  named("disable-logging and what is about requests is said, and hides no task"),
  async () => {
    await using site = await makeSite(
      "spooler-task = echo ran",
      "disable-logging = true",
      "req-logger = file:requests",
      "log-format = %(method)",
    );
    await using program = await site.start();
    await pushTask(site, "a=1");
    await program.line(/\| ran$/);
    await program.line(/warning: .*req-logger.*log-format|warning: .*log-format.*req-logger/);
    assertEquals(await program.stop(), 0);
  },
);

testWith("libc", named("for systemd's journal each line has its severity in front"), async () => {
  await using site = await makeSite("spooler-task = name=bad exit 65", "spooler-task = echo hello");
  const log = join(site.dir, "journal");
  const [file, args] = commandLine(["--ini", site.ini]);
  // As systemd does: which file stderr is.
  const start = `exec 2>> ${log}; JOURNAL_STREAM=$(stat -L -c %d:%i ${log}) exec "$@"`;
  await using program = Program.launch("sh", ["-c", start, "sh", file, ...args]);
  await until(async () => /^<6>.* ready$/m.test(await contentsOf(log)), "the start");
  await pushTask(site, "ud_spool_func=bad");
  await pushTask(site, "ud_spool_func=f");
  await until(async () => / f \S+ done/.test(await contentsOf(log)), "the tasks");
  assertMatch(await contentsOf(log), /^<3>.* bad \S+ given up/m);
  assertMatch(await contentsOf(log), /^<6>.* \d+_\d+ f\| hello$/m);
  assertEquals(await program.stop(), 0);
});
