import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { makeSite, pushTask, type Site } from "../support/site.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: run-once: ${name}`, body);

const states = async (site: Site) =>
  (await spooler(["list", "--dir", site.spool, "--json"])).stdout.trim().split("\n")
    .flatMap((line) => line === "" ? [] : [JSON.parse(line).state as string]);

test("what is ready runs, with what it adds; jobs and sockets are left alone", async () => {
  await using site = await makeSite(
    "socket = 127.0.0.1:1",
    "pidfile = site.pid",
    "timer2 = every=1s,name=tick touch ticked",
    'spooler-task = name=first echo second >>log; printf "$PACKET" | base64 -d >spool/uwsgi_spoolfile_on_x_1_1_1_1_1',
    "spooler-task = name=second echo second >>log",
  );
  // What `first` leaves is a task of another program, which only a scan or an event finds.
  const name = await pushTask(site, "--create", "ud_spool_func=second");
  const packet = await Deno.readFile(join(site.spool, name));
  const base64 = btoa(String.fromCharCode(...packet));
  await Deno.writeTextFile(site.ini, `env = PACKET=${base64}\n`, { append: true });
  await pushTask(site, "--create", "ud_spool_func=first");
  for (const args of [["run-once", site.ini], ["--ini", site.ini, "--drain"]]) {
    const { code, stderr } = await spooler(args);
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /stopping \(no task is ready\)[^]*stopped\n.* \d done, 0 failed, 0 deferred$/m,
    );
  }
  assertEquals(await Deno.readTextFile(join(site.dir, "log")), "second\n".repeat(3));
  assertEquals(await states(site), []);
  assertEquals([...Deno.readDirSync(site.dir)].map((each) => each.name).sort(), [
    "log",
    "site.ini",
    "spool",
  ]);
});

test("a failure is exit code 1; its retry and deferred tasks are not waited for", async () => {
  await using site = await makeSite(
    "spooler-task = name=bad exit 3",
    "spooler-task = name=hopeless exit 65",
    "spooler-task = name=again exit 75",
    "spooler-task = name=good true",
  );
  await pushTask(site, "--create", "ud_spool_func=good");
  await pushTask(site, "--create", "ud_spool_func=again");
  await pushTask(site, "--create", "ud_spool_func=good", "at=4102444800");
  const well = await spooler(["run-once", "--ini", site.ini]);
  assertEquals(well.code, 0, well.stderr);
  assertMatch(well.stderr, / 1 done, 0 failed, 1 deferred\n$/);
  await pushTask(site, "--create", "ud_spool_func=bad");
  await pushTask(site, "--create", "ud_spool_func=hopeless");
  const ill = await spooler(["run-once", "--ini", site.ini]);
  assertEquals(ill.code, 1, ill.stderr);
  assertMatch(ill.stderr, / 0 done, 1 failed, 1 deferred\n$/);
  assertEquals((await states(site)).sort(), ["deferred", "deferred", "deferred", "failed"]);
});

test("a retry that is due at once runs, and the failure it mends does not count", async () => {
  await using site = await makeSite(
    "spooler-retry-delay = 0",
    "spooler-task = name=second-time test -e ok || { touch ok; exit 1; }",
  );
  await pushTask(site, "--create", "ud_spool_func=second-time");
  const { code, stderr } = await spooler(["run-once", site.ini]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, / 1 done, 0 failed, 0 deferred\n$/);
});

test("tasks without a handler and paused spools are exit code 1, and nothing waits", async () => {
  await using site = await makeSite("spooler-task = name=good true");
  await pushTask(site, "--create", "ud_spool_func=nobody");
  const unhandled = await spooler(["run-once", site.ini]);
  assertEquals(unhandled.code, 1);
  assertMatch(unhandled.stderr, / 0 done, 0 failed, 0 deferred, 1 not run\n$/);
  await spooler(["pause", "--dir", site.spool]);
  const paused = await spooler(["run-once", site.ini]);
  assertEquals(paused.code, 1);
  assertMatch(paused.stderr, /paused[^]* 1 not run\n$/);
});

test("functions run in workers; code that cannot be loaded ends it", async () => {
  await using site = await makeSite("spooler-import = tasks.ts", "spooler-processes = 2");
  const module = join(site.dir, "tasks.ts");
  await Deno.writeTextFile(
    module,
    `export async function count({ n }: TaskVars) {
      console.log("at " + n);
      if (Number(n) > 0) await uwsgi.spool({ ud_spool_func: "count", n: String(Number(n) - 1) });
    }
    uwsgi.timer(1, function tick() { Deno.writeTextFileSync("ticked", ""); });`,
  );
  await pushTask(site, "--create", "ud_spool_func=count", "n=5");
  const { code, stderr } = await spooler(["run-once", site.ini]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, / 6 done, 0 failed, 0 deferred\n$/);
  await Deno.writeTextFile(module, "throw new Error('no such database');");
  await pushTask(site, "--create", "ud_spool_func=count", "n=1");
  const broken = await spooler(["run-once", site.ini]);
  assertEquals(broken.code, 1);
  assert(broken.stderr.includes("no such database"), broken.stderr);
  assertEquals(await states(site), ["ready"]);
});

test("beside the running program each task runs once", async () => {
  await using site = await makeSite('spooler-task = sleep 0.05; echo "$SPOOLER_TASK" >>log');
  await Promise.all(Array.from({ length: 20 }, () => pushTask(site, "--create", "a=b")));
  await using program = await site.start();
  const { code, stderr } = await spooler(["run-once", site.ini]);
  assertEquals(code, 0, stderr);
  await program.line(/ done \(/);
  assertEquals(await program.stop(), 0);
  const last = await spooler(["run-once", site.ini]);
  assertEquals(last.code, 0, last.stderr);
  const names = (await Deno.readTextFile(join(site.dir, "log"))).trim().split("\n");
  assertEquals([names.length, new Set(names).size], [20, 20]);
});

test("a signal ends it before it is done: exit code 1", async () => {
  await using site = await makeSite("spooler-task = sleep 60");
  await pushTask(site, "--create", "a=b");
  await using program = await Program.start(["run-once", site.ini], { begun: / started from / });
  assertEquals(await program.insist("SIGQUIT"), 1);
  assertEquals(await states(site), ["ready"]);
});

test("an ini without a spool of its own is a mistake", async () => {
  await using site = await makeSite();
  await Deno.writeTextFile(site.ini, "[uwsgi]\ntimer2 = every=1s true\n");
  const { code, stderr } = await spooler(["run-once", site.ini]);
  assertEquals(code, 2);
  assertMatch(stderr, /names no spool to work on\n$/);
});
