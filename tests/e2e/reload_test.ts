/** SIGHUP: a life with the ini as it is now takes over from the one before, and nothing stands still. */

import { join } from "@std/path";
import { encodePacket, KEEP_OPEN, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { ACCEPTED } from "../support/peer.ts";
import { executable, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { until } from "../support/until.ts";
import { makeSite, portIn, pushTask, rewriteSite } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: reload: ${name}`, body);

test("new tasks, schedules and settings take the place of the old", async () => {
  await using site = await makeSite("spooler-task = echo the old one");
  await using program = await site.start();
  await pushTask(site, "a=1");
  await program.line(/\| the old one/);
  await rewriteSite(
    site,
    "if-reload =",
    "spooler-task = echo the new one",
    "endif =",
    "timer2 = every=100ms echo tick",
  );
  program.signal("SIGHUP");
  await program.line(/ reloading \(SIGHUP\)/);
  await program.line(/ ready$/, 2);
  await pushTask(site, "a=2");
  await program.line(/\| the new one/);
  await program.line(/\| tick/);
  assertEquals(await program.stop(), 0);
});

test("what runs goes on under the old ini, and new tasks start at once under the new", async () => {
  await using site = await makeSite(
    "socket = 127.0.0.1:0",
    "spooler-processes = 1",
    "spooler-task = echo begun; while ! test -f go; do sleep 0.05; done; echo ended",
  );
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  await pushTask(site, "a=1");
  await program.line(/\| begun/);
  await rewriteSite(site, "socket = 127.0.0.1:0", "spooler-task = echo later");
  program.signal("SIGHUP");
  await program.line(/ reloading \(SIGHUP\): 1 running under the old configuration$/);
  await program.line(/ ready$/, 2);
  const sent = await spooler(["push", "--to", `127.0.0.1:${port}`, "a=2"]);
  assertEquals(sent.stdout, "accepted\n");
  await program.line(/\| later/);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await program.line(/\| ended/);
  await program.line(/ done /, 2);
  assertEquals(await program.stop(), 0);
});

test("a connection that is kept open goes on under the new ini, as long as that lets it in", async () => {
  const socket = "socket = 127.0.0.1:0";
  await using site = await makeSite(
    socket,
    "spooler-allow = 127.0.0.0/8",
    "spooler-task = echo old",
  );
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  using connection = await Deno.connect({ port });
  const send = async () => {
    await connection.write(encodePacket(varsOf({ a: "1" }), MODIFIER_SPOOL, KEEP_OPEN));
    const answer = new Uint8Array(ACCEPTED.length);
    assertEquals(await connection.read(answer), ACCEPTED.length);
    assertEquals(answer, ACCEPTED);
  };
  await send();
  await program.line(/\| old/);
  // Another spool: the one before is closed.
  const moved = site.ini.replace("site.ini", "other");
  await Deno.writeTextFile(
    site.ini,
    ["[uwsgi]", `spooler = ${moved}`, socket, "spooler-task = echo new", ""].join("\n"),
  );
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  await send();
  await program.line(/\| new/);
  await rewriteSite(site, socket, "spooler-allow = 10.0.0.0/8", "spooler-task = true");
  program.signal("SIGHUP");
  await program.line(/ ready$/, 3);
  assertEquals(await connection.read(new Uint8Array(1)), null);
  assertEquals(await program.stop(), 0);
});

test("a socket that the new ini does not name is closed", async () => {
  await using site = await makeSite("socket = 127.0.0.1:0", "spooler-task = true");
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  await rewriteSite(site, "spooler-task = echo new");
  program.signal("SIGHUP");
  await program.line(/ ready$/, 2);
  await until(async () => {
    const sent = await spooler(["push", "--to", `127.0.0.1:${port}`, "a=2"]);
    return /refused/.test(sent.stderr);
  }, "the old socket to be closed");
  assertEquals(await program.stop(), 0);
});

test("a wrong ini changes nothing, and its mistakes are named", async () => {
  await using site = await makeSite("spooler-task = echo still here");
  await using program = await site.start();
  await rewriteSite(site, "spooler-frequency = often");
  program.signal("SIGHUP");
  const line = await program.line(/no reload/);
  assertMatch(line, /site\.ini:3: spooler-frequency .*"often"/);
  await pushTask(site, "a=1");
  await program.line(/\| still here/);
  assertEquals(await program.stop(), 0);
});

test("an ini that cannot start makes room for the old one", async () => {
  await using site = await makeSite("spooler-task = echo still here");
  await using program = await site.start();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await rewriteSite(site, `socket = 127.0.0.1:${(taken.addr as Deno.NetAddr).port}`);
  program.signal("SIGHUP");
  await program.line(/no reload: .*site\.ini:3: socket 127\.0\.0\.1:\d+: in use by/);
  // What no check foresees is found out when the new life is opened beside the old one.
  await Deno.mkdir(join(site.dir, "other/.spooler"), { recursive: true });
  await Deno.writeTextFile(join(site.dir, "other/.spooler/attempts"), "");
  await rewriteSite(site, "spooler2 = dir=other");
  program.signal("SIGHUP");
  await program.line(/the new configuration cannot start, the old one stays: .*attempts/);
  await pushTask(site, "a=1");
  await program.line(/\| still here/);
  assertEquals(await program.stop(), 0);
});

test("a stop during a reload is a stop", async () => {
  await using site = await makeSite(
    "spooler-task = echo begun; while ! test -f go; do sleep 0.05; done",
  );
  await using program = await site.start();
  await pushTask(site, "a=1");
  await program.line(/\| begun/);
  program.signal("SIGHUP");
  await program.line(/ reloading/);
  program.signal("SIGTERM");
  await Deno.writeTextFile(join(site.dir, "go"), "");
  assertEquals(await program.ended(), 0);
  assertMatch(program.log, / stopped$/);
});

testWith(
  "python",
  `${programLabel}: reload: a stop while new modules load waits for what the old configuration runs`,
  async () => {
    await using site = await makeSite(
      "spooler-task = echo begun; while ! test -f go; do sleep 0.05; done; echo finished",
    );
    await using program = await site.start();
    await pushTask(site, "a=1");
    await program.line(/\| begun/);
    await Deno.writeTextFile(
      join(site.dir, "slow.py"),
      "import time\nprint('loading', flush=True)\ntime.sleep(60)\n",
    );
    await rewriteSite(site, "spooler-python-import = slow", "spooler-task = echo new");
    program.signal("SIGHUP");
    await program.line(/\| ?loading|loading$/);
    program.signal("SIGTERM");
    await program.line(/ stopping \(SIGTERM\)/);
    await Deno.writeTextFile(join(site.dir, "go"), "");
    assertEquals(await program.ended(), 0);
    assertMatch(program.log, /\| finished/);
    assertMatch(program.log, /task \S+ done/);
  },
);

test("spooler reload checks the ini, and signals the process of its pidfile", async () => {
  await using site = await makeSite("spooler-task = echo old", "pidfile = pid");
  const ini = ["--ini", site.ini];
  const early = await spooler(["reload", ...ini]);
  assertEquals(early.code, 1);
  assertMatch(early.stderr, /pidfile .*pid: names no process; is the program running\?/);
  await using program = await site.start();
  await rewriteSite(site, "spooler-frequency = often", "pidfile = pid");
  const wrong = await spooler(["reload", ...ini]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /site\.ini:3: spooler-frequency .*"often"/);
  await rewriteSite(site, "spooler-task = echo new");
  const without = await spooler(["reload", ...ini]);
  assertEquals(without.code, 2);
  assertMatch(without.stderr, /site\.ini has no pidfile=; send SIGHUP/);
  await rewriteSite(site, "spooler-task = echo new", "pidfile = pid");
  const { code, stdout } = await spooler(["reload", ...ini]);
  assertEquals([code, stdout], [
    0,
    `${join(site.dir, "pid")}: process ${program.pid} reloads; its log says how that went\n`,
  ]);
  await program.line(/ ready$/, 2);
  assertEquals(program.log.match(/ reloading/g)?.length, 1);
  await pushTask(site, "a=1");
  await program.line(/\| new$/);
  assertEquals(await program.stop(), 0);
  await Deno.writeTextFile(join(site.dir, "pid"), `${Deno.pid}\n`);
  const other = await spooler(["reload", ...ini]);
  if (!executable) return;
  assertEquals(other.code, 1);
  assertMatch(other.stderr, /process \d+ is another program: deno/);
});
