/** The program as a daemon: its pidfile, its user, its service manager, and process 1 of a container. */

import { childrenOf } from "../support/processes.ts";
import { existsSync } from "node:fs";
import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { quietPort } from "../support/port.ts";
import { commandLine, executable, Program, programLabel, spooler } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { makeSite, portIn, pushTask, rewriteSite } from "../support/site.ts";
import { until } from "../support/until.ts";

const named = (name: string) => `${programLabel}: daemon: ${name}`;

Deno.test(
  named("a pidfile names the process, keeps a second one out, and goes with it"),
  async () => {
    await using site = await makeSite("spooler-task = true", "pidfile = pid");
    await using program = await site.start();
    const file = join(site.dir, "pid");
    assertEquals(await Deno.readTextFile(file), `${program.pid}\n`);
    const second = await spooler(["--ini", site.ini]);
    assertEquals(second.code, 1);
    assertMatch(
      second.stderr,
      new RegExp(`pidfile ${file}: process ${program.pid} holds it and is running`),
    );
    assertEquals(await program.stop(), 0);
    assert(!await Deno.stat(file).then(() => true, () => false), "the pidfile is left");
  },
);

Deno.test(named("the pidfile of a process that is gone is taken over"), async () => {
  await using site = await makeSite("spooler-task = true", "pidfile = pid");
  await Deno.writeTextFile(join(site.dir, "pid"), "4194304\n");
  await using program = await site.start();
  assertEquals(await Deno.readTextFile(join(site.dir, "pid")), `${program.pid}\n`);
  assertEquals(await program.stop(), 0);
});

Deno.test(named("daemonize ends when the program in the background is ready"), async () => {
  await using site = await makeSite(
    'spooler-task = echo "mark $SPOOLER_IN_BACKGROUND."',
    "daemonize = log",
    "pidfile = pid",
  );
  const started = await spooler(["--ini", site.ini]);
  assertEquals([started.code, started.stderr], [0, ""]);
  const pid = Number(await Deno.readTextFile(join(site.dir, "pid")));
  try {
    const log = () => Deno.readTextFile(join(site.dir, "log"));
    assertMatch(await log(), / ready$/m);
    // A session of its own: the terminal's hang-up does not reach it.
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    assertEquals(Number(stat.split(" ")[5]), pid);
    await pushTask(site, "a=1");
    await until(async () => /\| mark \.$/m.test(await log()), "the task");
    const second = await spooler(["--ini", site.ini]);
    assertEquals(second.code, 1);
    assertMatch(second.stderr, /pidfile .* holds it and is running/);
  } finally {
    Deno.kill(pid, "SIGTERM");
  }
  await until(() => Deno.stat(`/proc/${pid}`).then(() => false, () => true), "its end");
});

Deno.test(
  named("under a service manager daemonize says where the log goes, and no more"),
  async () => {
    await using site = await makeSite("spooler-task = true", "daemonize = log");
    const [file, args] = commandLine(["--ini", site.ini]);
    const env = { NOTIFY_SOCKET: join(site.dir, "notify") };
    await using program = Program.launch(file, args, { env });
    const log = () => Deno.readTextFile(join(site.dir, "log")).catch(() => "");
    await until(async () => / ready$/m.test(await log()), "the start");
    assertMatch(
      await log(),
      /warning: .*site\.ini:4: daemonize: the program stays in the foreground/,
    );
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    assertMatch(await log(), / stopped$/m);
  },
);

Deno.test(named("the program in the background has the secrets of the environment"), async () => {
  // Without the secret this socket would not be opened.
  await using site = await makeSite("socket = 0.0.0.0:0", "daemonize = log", "pidfile = pid");
  const env = { UWSGI_SPOOLER_SECRET: "correct-horse-battery-staple" };
  const started = await spooler(["--ini", site.ini], "", env);
  assertEquals([started.code, started.stderr], [0, ""]);
  const pid = Number(await Deno.readTextFile(join(site.dir, "pid")));
  Deno.kill(pid, "SIGTERM");
  await until(() => !existsSync(`/proc/${pid}`), "the program in the background ends");
});

Deno.test(named("a touched file makes it reload"), async () => {
  await using site = await makeSite("spooler-task = true", "touch-reload = go");
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await Deno.utime(join(site.dir, "go"), 1, 1);
  await using program = await site.start();
  await rewriteSite(site, "spooler-task = echo new");
  await until(async () => {
    await Deno.utime(join(site.dir, "go"), new Date(), new Date());
    return / reloading \(.*go\)/.test(program.log);
  }, "a reload");
  await program.line(/ ready$/, 2);
  assertEquals(await program.stop(), 0);
});

testWith("root", named("tasks and files belong to the user of the ini"), async () => {
  await using site = await makeSite(
    "socket = run.sock",
    "uid = nobody",
    "gid = nogroup",
    "add-gid = 12345",
    "umask = 027",
    "spooler-task = id -un; id -G; umask; touch made",
    "chdir = work",
  );
  await Deno.mkdir(join(site.dir, "work"));
  await Deno.chmod(join(site.dir, "work"), 0o777);
  await Deno.chmod(site.dir, 0o755);
  await using program = await site.start();
  const nobody = 65534;
  await program.line(/ ready$/);
  assertEquals((await Deno.stat(site.spool)).uid, nobody);
  assertEquals((await Deno.stat(join(site.spool, ".spooler"))).uid, nobody);
  const sent = await spooler(["push", "--to", join(site.dir, "run.sock"), "a=1"]);
  assertEquals(sent.stdout, "accepted\n", sent.stderr);
  await program.line(/\| nobody$/);
  await program.line(/\| 65534 12345$/);
  await program.line(/\| 0027$/);
  await until(
    () => Deno.stat(join(site.dir, "work", "made")).then(({ uid }) => uid === nobody, () => false),
    "the task's file",
  );
  assertEquals(await program.stop(), 0);
});

testWith("root", named("a user that does not exist is an error with its place"), async () => {
  await using site = await makeSite("spooler-task = true", "uid = nobody-knows");
  const { code, stderr } = await spooler(["--ini", site.ini]);
  assertEquals(code, 2);
  assertMatch(stderr, /site\.ini:4: .*"nobody-knows"/);
});

/** Prints each datagram of a unix socket as one line. */
const MANAGER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1][0] == "@" else sys.argv[1])
print("listening", file=sys.stderr, flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), file=sys.stderr, flush=True)
`;

testWith(
  "python",
  named("a service manager hears that it is ready, alive, reloads and stops"),
  async () => {
    await using site = await makeSite('spooler-task = echo "notify: $NOTIFY_SOCKET."');
    for (const socket of [join(site.dir, "notify"), `@spooler-test-${crypto.randomUUID()}`]) {
      await using manager = Program.launch(testPython, [
        "-c",
        MANAGER,
        socket,
      ]);
      await manager.line(/listening/);
      await using program = await Program.start(["--ini", site.ini], {
        env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" },
        ...(executable ? { file: executable } : {}),
      });
      await manager.line(/^READY=1/);
      await manager.line(/^WATCHDOG=1/, 3);
      await pushTask(site, "a=1");
      await program.line(/\| notify: \.$/);
      program.signal("SIGHUP");
      await manager.line(/^RELOADING=1 MONOTONIC_USEC=\d+/);
      await manager.line(/^READY=1/, 2);
      assertEquals(await program.stop(), 0);
      await manager.line(/^STOPPING=1/);
    }
  },
);

testWith("root", named("as process 1 it reaps what its tasks left behind"), async () => {
  await using site = await makeSite(
    "spooler-processes = 4",
    "spooler-task = setsid sh -c 'sleep 0.1' >/dev/null 2>&1 & exit 0",
  );
  const [file, args] = commandLine(["--ini", site.ini]);
  await using container = Program.launch("unshare", [
    "--fork",
    "--pid",
    "--kill-child",
    file,
    ...args,
  ]);
  await container.line(/ ready$/);
  for (let i = 0; i < 12; i++) await pushTask(site, `a=${i}`);
  await container.line(/ done /, 12);
  const [program = 0] = childrenOf(container.pid);
  const zombies = async () => {
    const states = childrenOf(program).map((pid) =>
      Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "")
    );
    return (await Promise.all(states)).filter((stat) => / Z /.test(stat)).length;
  };
  await until(
    async () =>
      await zombies() === 0 &&
      !/sleep/.test(
        await new Deno.Command("ps", { args: ["--ppid", String(program)] }).output()
          .then(({ stdout }) => new TextDecoder().decode(stdout)),
      ),
    "no zombies",
  );
  Deno.kill(program, "SIGTERM");
  await container.ended();
});

testWith("root", named("as process 1 a stop ends it while it starts, too"), async () => {
  await using site = await makeSite();
  const begun = join(site.dir, "begun");
  await rewriteSite(site, `env = A=@(exec://touch ${begun}; exec sleep 600)`);
  const [file, args] = commandLine(["--ini", site.ini]);
  const command = ["--fork", "--pid", "--kill-child", file, ...args];
  await using container = Program.launch("unshare", command);
  await until(() => existsSync(begun), "the ini to be read");
  const [program = 0] = childrenOf(container.pid);
  Deno.kill(program, "SIGTERM");
  await container.line(/stopped by SIGTERM before it was ready; nothing has run$/);
  assertEquals(await container.ended(), 0);
});

testWith(
  "root",
  named("with reaper it adopts what its tasks leave running, and reaps it"),
  async () => {
    await using site = await makeSite(
      "reaper = true",
      "spooler-task = setsid sh -c 'until test -e go; do sleep 0.05; done' > /dev/null 2>&1 & echo $!",
    );
    await using program = await site.start();
    await pushTask(site, "a=1");
    const orphan = Number(/\d+$/.exec(await program.line(/ task\| \d+$/)));
    await program.line(/ done /);
    const parentOf = async (pid: number) =>
      Number(/^PPid:\s+(\d+)$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1]);
    await until(async () => await parentOf(orphan) === program.pid, "the adoption");
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await until(() => Deno.stat(`/proc/${orphan}`).then(() => false, () => true), "the reaping");
    assertEquals(await program.stop(), 0);
  },
);

Deno.test(
  named("the other names of pidfile and daemonize, and flags that are taken for granted"),
  async () => {
    await using site = await makeSite(
      ...["spooler-task = true", "safe-pidfile = early", "pidfile2 = late", "daemonize2 = log"],
      ...["master = true", "die-on-term = true", "no-orphans = true", "vacuum = true"],
      "socket = run.sock",
    );
    const started = await spooler(["--ini", site.ini]);
    assertEquals([started.code, started.stderr], [0, ""]);
    const [early, late] = ["early", "late"].map((name) =>
      Number(Deno.readTextFileSync(join(site.dir, name)))
    );
    assertEquals(early, late);
    Deno.kill(early ?? 0, "SIGTERM");
    await until(() => Deno.stat(`/proc/${early}`).then(() => false, () => true), "its end");
    const left = [...Deno.readDirSync(site.dir)].map(({ name }) => name).sort();
    assertEquals(left, ["log", "site.ini", "spool"]);
  },
);

testWith(
  "root",
  named("what only root can read is read before, and a reload without it is refused"),
  async () => {
    await using site = await makeSite("spooler-task = true");
    await makeTlsParties(site.dir);
    await Deno.chmod(site.dir, 0o755);
    await Deno.writeTextFile(join(site.dir, "secret"), "correct-horse-battery-staple\n");
    for (const name of ["secret", "server.key"]) await Deno.chmod(join(site.dir, name), 0o600);
    await Deno.mkdir(join(site.dir, "of-nobody"));
    await Deno.chown(join(site.dir, "of-nobody"), 65534, 65534);
    const lines = [
      "uid = nobody",
      "spooler = of-nobody/spool",
      `suwsgi-socket = 127.0.0.1:${quietPort()},server.pem,server.key`,
    ];
    const ini = (...more: string[]) =>
      Deno.writeTextFile(site.ini, ["[uwsgi]", ...lines, ...more, ""].join("\n"));
    await ini("spooler-secret = @(secret)", "spooler-task = echo still here");
    await using program = await site.start();
    const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
    program.signal("SIGHUP");
    await program.line(/no reload: .*site\.ini:5: .* cannot be read: permission denied$/);
    await ini("spooler-task = echo without the secret");
    program.signal("SIGHUP");
    await program.line(/no reload: .*site\.ini:4: .*server\.key/);
    using _connection = await Deno.connectTls({
      hostname: "127.0.0.1",
      port,
      caCerts: [await Deno.readTextFile(join(site.dir, "ca.pem"))],
    });
    assertEquals(await program.stop(), 0);
  },
);
