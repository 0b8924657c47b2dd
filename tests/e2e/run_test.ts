import { join } from "@std/path";
import { sendTask } from "../../src/wire/client.ts";
import { encodePacket, textVar } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { executable, Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, body);

const SOCKET = "socket = 127.0.0.1:0";
const HELLO = 'spooler-task = name=hello echo "Hello, $SPOOL_NAME!"';

async function taskFiles(spool: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(spool)) {
    if (name.startsWith("uwsgi_spoolfile_on_")) names.push(name);
  }
  return names;
}

test("a task that is pushed is taken, run and done", async () => {
  await using site = await makeSite(HELLO);
  await using program = await site.start();
  const { code, stdout } = await spooler(
    ["push", "--ini", site.ini, "ud_spool_func=hello", "name=world"],
  );
  assertEquals(code, 0);
  assertMatch(stdout, /^uwsgi_spoolfile_on_\S+\n$/);
  await program.line(/hello\| Hello, world!$/);
  await program.line(/hello \S+ done/);
  assertEquals(await taskFiles(site.spool), []);
  assertEquals(await program.stop(), 0);
});

test("what failed is removed when spooler-failed-max-age is over, and the log says so", async () => {
  await using site = await makeSite(
    "spooler-task = exit 65",
    "spooler-failed-max-age = 1s",
  );
  await using program = await site.start();
  await spooler(["push", "--dir", site.spool, "a=b"]);
  await program.line(/ given up, kept in failed\/: exit code 65/);
  await program.line(/ removed from failed\/, kept there since /);
  await program.line(/: 1 task removed from failed\/ \(spooler-failed-max-age\)$/);
  const left = await spooler(["list", "--dir", site.spool, "--json"]);
  assertEquals(left.stdout, "");
});

test("tasks that came before the start run, too", async () => {
  await using site = await makeSite(HELLO);
  await spooler(["push", "--dir", site.spool, "--create", "ud_spool_func=hello", "name=early"]);
  await using program = await site.start();
  await program.line(/Hello, early!/);
  assertEquals(await program.stop(), 0);
});

test("push --at, --priority and --body-file reach the directory", async () => {
  await using site = await makeSite(HELLO);
  const args = ["push", "--dir", site.spool, "--create", "a=b"];
  const later = await spooler([...args, "--at", "2100-01-01T00:00:00Z"]);
  const info = await Deno.stat(join(site.spool, later.stdout.trim()));
  assertEquals(info.mtime?.toISOString(), "2100-01-01T00:00:00.000Z");
  const first = await spooler([...args, "--priority", "5"]);
  assert((await Deno.stat(join(site.spool, "5", first.stdout.trim()))).isFile);
  const body = await spooler([...args, "--body-file", "-"], "the body");
  const bytes = await Deno.readFile(join(site.spool, body.stdout.trim()));
  assertEquals(bytes.slice(-8), new TextEncoder().encode("the body"));
});

test("a task over TCP is answered as by uWSGI, though it comes in pieces", async () => {
  await using site = await makeSite(HELLO, SOCKET);
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const packet = encodePacket(
    [textVar("ud_spool_func", "hello"), textVar("name", "pieces")],
    17,
  );
  for (const byte of packet) await connection.write(Uint8Array.of(byte));
  assertEquals(await readToEnd(connection), [255, 0, 0, 1]);
  await program.line(/Hello, pieces!/);
});

test("a task that cannot be is refused as by uWSGI, and the log says why", async () => {
  await using site = await makeSite(HELLO, SOCKET);
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encodePacket([textVar("priority", "../../escape")], 17));
  assertEquals(await readToEnd(connection), [255, 0, 0, 0]);
  await program.line(/refused a packet from 127\.0\.0\.1:\d+: priority needs digits/);
  const pushed = await spooler(["push", "--to", `127.0.0.1:${port}`, "priority=x", "a=b"]);
  assertEquals([pushed.code, pushed.stdout], [1, "refused\n"]);
});

test("a full spool refuses tasks, says so once, and takes them again", async () => {
  await using site = await makeSite("spooler-max-files = 2", SOCKET, "spooler-task = test -f go");
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const push = async () => (await spooler(["push", "--to", `127.0.0.1:${port}`, "a=b"])).stdout;
  assertEquals(await push(), "accepted\n");
  assertEquals(await push(), "accepted\n");
  assertEquals(await push(), "refused\n");
  assertEquals(await push(), "refused\n");
  for (const name of await taskFiles(site.spool)) await Deno.remove(join(site.spool, name));
  // It is counted again when twenty times as long has gone by as the last count took.
  await until(async () => await push() === "accepted\n", "an accepted task");
  await program.line(/accepts tasks again/);
  assertEquals(program.log.match(/refuses new tasks: it holds 2 tasks/g)?.length, 1);
});

test("a unix socket accepts tasks, and goes with the program", async () => {
  await using site = await makeSite(HELLO, "socket = in.sock");
  await using program = await site.start();
  const path = join(site.dir, "in.sock");
  const pushed = await spooler(["push", "--to", path, "ud_spool_func=hello", "name=unix"]);
  assertEquals([pushed.code, pushed.stdout], [0, "accepted\n"]);
  await program.line(/Hello, unix!/);
  assertEquals(await program.stop(), 0);
  assert(await Deno.lstat(path).then(() => false, () => true));
});

test("a failing task is deferred, and goes to failed/ after its retries", async () => {
  await using site = await makeSite(
    "spooler-task = echo attempt $SPOOLER_ATTEMPT; exit 3",
    "spooler-retry-delay = 0.05",
    "spooler-max-retries = 2",
  );
  await using program = await site.start();
  const { stdout } = await spooler(["push", "--dir", site.spool, "ud_spool_func=x"]);
  await program.line(/ deferred until .*: exit code 3/, 2);
  await program.line(/ given up, kept in failed\/: exit code 3/);
  await program.line(/attempt 3$/);
  assert((await Deno.stat(join(site.spool, "failed", stdout.trim()))).isFile);
});

test("a command that says it is not its task hands it on", async () => {
  await using site = await makeSite(
    "spooler-task = name=x echo not mine; exit 69",
    "spooler-task = echo mine",
  );
  await using program = await site.start();
  await spooler(["push", "--dir", site.spool, "ud_spool_func=x"]);
  await program.line(/x\| not mine/);
  await program.line(/x\| mine/);
  await program.line(/x \S+ done/);
});

test("a task without a handler stays and is reported", async () => {
  await using site = await makeSite(HELLO);
  await using program = await site.start();
  await spooler(["push", "--dir", site.spool, "ud_spool_func=other"]);
  await program.line(/postponed until .*: no handler for "other"/);
  assertEquals((await taskFiles(site.spool)).length, 1);
});

test("timers run", async () => {
  await using site = await makeSite("timer2 = every=100ms,name=beat echo alive in $SPOOLER_JOB");
  await using program = await site.start();
  await program.line(/beat\| alive in beat$/, 2);
  await program.line(/job beat done/);
  assertEquals(await program.stop(), 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} lets the running command finish, and leaves nothing locked`, async () => {
    await using site = await makeSite("spooler-task = echo begun; read -r line < gate; echo $line");
    const gate = join(site.dir, "gate");
    assert((await new Deno.Command("mkfifo", { args: [gate] }).output()).success);
    await using program = await site.start();
    await spooler(["push", "--dir", site.spool, "ud_spool_func=slow"]);
    await program.line(/slow\| begun/);
    program.signal(signal);
    await program.line(/ stopping \(.*: waiting for 1 running/);
    await Deno.writeTextFile(gate, "finished\n");
    await program.line(/slow\| finished/);
    assertEquals(await program.ended(), 0);
    assertEquals(await taskFiles(site.spool), []);
  });
}

test("a killed program leaves its task ready for the next", async () => {
  await using site = await makeSite("spooler-task = echo begun; test -f go || exec sleep 600");
  {
    await using program = await site.start();
    await spooler(["push", "--dir", site.spool, "ud_spool_func=slow"]);
    await program.line(/slow\| begun/);
    await program.kill();
    await endOrphans(site.dir);
  }
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await using program = await site.start();
  await program.line(/slow \S+ done/);
  assertEquals(await taskFiles(site.spool), []);
});

/** Ends what a killed program left running below `dir`: it is ours, by its working directory. */
async function endOrphans(dir: string): Promise<void> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const cwd = await Deno.readLink(`/proc/${name}/cwd`).catch(() => "");
    if (cwd === dir) Deno.kill(Number(name), "SIGKILL");
  }
}

test("a spool directory that is deleted is made anew, and goes on", async () => {
  await using site = await makeSite(HELLO, "socket = 127.0.0.1:0");
  const send = async (program: Program, id: string) => {
    const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
    const vars = varsOf({ ud_spool_func: "hello", name: id, spooler_id: id });
    assertEquals(await sendTask({ kind: "tcp", host: "127.0.0.1", port }, vars), true);
  };
  {
    await using program = await site.start();
    await send(program, "before");
    await program.line(/Hello, before!/);
    await Deno.remove(site.spool, { recursive: true });
    await program.line(/warning: the directory was deleted or moved; created .* again/);
    await spooler(["push", "--dir", site.spool, "ud_spool_func=hello", "name=again"]);
    await program.line(/Hello, again!/);
    await send(program, "after");
    await program.line(/Hello, after!/);
    assertEquals(await program.stop(), 0);
  }
  // The ids from before and after are known to the next start: a repeated delivery is not put again.
  await using program = await site.start();
  await send(program, "before");
  await send(program, "after");
  await send(program, "last");
  await program.line(/Hello, last!/);
  assert(!/Hello, (before|after)!/.test(program.log), program.log);
});

test("the quickstart example does what its README says", async () => {
  await using temp = await tempDir();
  const example = new URL("../../examples/quickstart/site.ini", import.meta.url);
  const text = await Deno.readTextFile(example);
  const ini = join(temp.path, "site.ini");
  const sped = text.replace("every=5s", "every=200ms").replace(":3031", ":0");
  assert(sped.includes("every=200ms") && sped.includes("127.0.0.1:0"));
  await Deno.writeTextFile(ini, sped);
  await using program = await Program.start(["--ini", ini]);
  for (
    const loaded of [/ spool: /, / tasks: hello, and all others/, / socket /, / schedule /]
  ) {
    await program.line(loaded);
  }
  await program.line(/heartbeat\| still here/);
  await spooler(["push", "--ini", ini, "ud_spool_func=hello", "name=world"]);
  await program.line(/hello\| Hello, world!/);
  await spooler(["push", "--ini", ini, "ud_spool_func=unknown"]);
  await program.line(/no command for 'unknown'/);
  program.signal("SIGINT");
  assertEquals(await program.ended(), 0);
});

testWith("executable", "the executable works alone in an empty directory", async () => {
  await using temp = await tempDir();
  const file = join(temp.path, "spooler");
  // By a process of its own: a file that this one has open for writing could not be started while
  // a test beside this one starts something, too (ETXTBSY).
  await new Deno.Command("cp", { args: [executable as string, file] }).output();
  await Deno.writeTextFile(
    join(temp.path, "site.ini"),
    "[uwsgi]\nspooler = %dspool\nspooler-task = echo alone\ntimer2 = every=100ms echo tick\n",
  );
  await using program = await Program.start(["--ini", "site.ini"], {
    file,
    cwd: temp.path,
    env: { HOME: temp.path },
  });
  await program.line(/tick$/);
  const push = await new Deno.Command(file, {
    args: ["push", "--ini", "site.ini", "a=b"],
    cwd: temp.path,
  }).output();
  assertEquals(push.code, 0);
  await program.line(/\| alone$/);
  assertEquals(await program.stop(), 0);
});

async function readToEnd(connection: Deno.Conn): Promise<number[]> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(64);
  while (true) {
    const count = await connection.read(buffer);
    if (count === null) return bytes;
    bytes.push(...buffer.subarray(0, count));
  }
}
