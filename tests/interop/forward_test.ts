/** Forwarding into the real uWSGI, whose Python spooler runs the tasks, and from its apps. */

import { join } from "@std/path";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import { Program, spooler } from "../support/program.ts";
import { openReception } from "../support/reception.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { runInUwsgi } from "../support/uwsgi.ts";

/** The next try is at most 600 ms away; the rest is for a machine that has much to do. */
const SOON_MS = 5_000;

interface Hub extends AsyncDisposable {
  readonly address: string;
  readonly program: Program;
  /** What its tasks got, in the order in which they ran. */
  ran(): Record<string, string>[];
}

/** A uWSGI with a socket and a Python spooler that writes each task it runs as a line of JSON. */
async function startHub(
  dir: string,
  socket = "127.0.0.1:0",
  plugins = ["spooler", "ping"],
  isActive = true,
): Promise<Hub> {
  const ledger = join(dir, "ledger");
  const module = join(dir, "module.py");
  await Deno.mkdir(join(dir, "in"), { recursive: true });
  await Deno.writeTextFile(
    module,
    `
import uwsgi, json
def text(x):
    return x if isinstance(x, str) else x.decode()
def spooler(env):
    with open(${JSON.stringify(ledger)}, "a") as out:
        print(json.dumps({text(k): text(v) for k, v in env.items()}), file=out)
    return uwsgi.SPOOL_OK
uwsgi.spooler = spooler
`,
  );
  const program = Program.launch("uwsgi", [
    ...["--plugin", "python3", ...plugins.flatMap((name) => ["--plugin", name])],
    ...["--master", "--die-on-term", "--no-orphans", "--socket", socket],
    ...(isActive ? ["--spooler", join(dir, "in")] : []),
    ...["--import", module, "--spooler-frequency", "1"],
  ]);
  await program.line(/spawned uWSGI worker 1/);
  const [, address = ""] = /(127\.0\.0\.1:\d+)/.exec(program.log) ?? [];
  return {
    address,
    program,
    ran() {
      try {
        const lines = Deno.readTextFileSync(ledger).trimEnd().split("\n");
        return lines.map((line) => JSON.parse(line) as Record<string, string>);
      } catch {
        return [];
      }
    },
    [Symbol.asyncDispose]: () => program.kill(),
  };
}

const own = (task: Record<string, string>) => {
  const { spooler_task_name: _, ...rest } = task;
  return rest;
};

testWith("uwsgi", "uWSGI's Python spooler runs what is forwarded to it, key for key", async () => {
  await using temp = await tempDir();
  await using hub = await startHub(temp.path);
  await using site = await ForwardSite.start({ targets: [hub.address] });
  await site.put({ ud_spool_func: "hello", name: "wörld", spooler: hub.address, at: "1000" });
  await site.drained();
  await until(() => hub.ran().length === 1, "the task runs");
  assertEquals(hub.ran().map(own), [{ ud_spool_func: "hello", name: "wörld", at: "1000" }]);
  assertEquals(site.of("target.down"), []);
});

testWith("uwsgi", "a uWSGI without its ping plugin gets tasks, too", async () => {
  await using temp = await tempDir();
  await using hub = await startHub(temp.path, undefined, ["spooler"]);
  await using site = await ForwardSite.start({ targets: [hub.address] });
  for (let i = 0; i < 20; i++) await site.put({ i: String(i) });
  await site.drained();
  await until(() => hub.ran().length === 20, "all tasks run");
  const ids = hub.ran().map(({ spooler_id }) => spooler_id);
  assertEquals(new Set(ids).size, 20);
  assertEquals(site.of("target.down"), []);
});

testWith("uwsgi", "a packet above uWSGI's buffer-size stays, and says why", async () => {
  await using temp = await tempDir();
  await using hub = await startHub(temp.path);
  await using site = await ForwardSite.make({ targets: [hub.address], spool: { ordered: true } });
  await site.put({ i: "0", large: "x".repeat(5000) });
  await site.put({ i: "1" });
  await site.start();
  await until(() => hub.ran().length === 1, "the small one runs");
  assertEquals(hub.ran().map(own), [{ i: "1" }]);
  await site.event("task.settled", 2);
  const [failed] = site.of("task.settled").filter(({ fate }) => fate.kind === "deferred");
  assert(failed?.fate.kind === "deferred");
  assertStringIncludes(failed.fate.reason, "a buffer-size below the 5");
});

testWith("uwsgi", "a uWSGI that is killed and comes back misses none of 500 tasks", async () => {
  await using temp = await tempDir();
  const hub = await startHub(temp.path);
  const { address } = hub;
  await using site = await ForwardSite.make({ targets: [address], connections: 2 });
  for (let i = 0; i < 500; i++) await site.put({ i: String(i) });
  await site.start();
  await until(() => site.left().length < 400, "some are delivered");
  await hub.program.kill();
  await site.event("target.down");
  await using again = await startHub(temp.path, address);
  await site.drained();
  await until(() => new Set(again.ran().map(({ i }) => i)).size === 500, "all tasks run");
  assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
});

testWith("uwsgi", "a uWSGI app's task goes through our forward to another uWSGI", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(join(temp.path, "hub"));
  await using hub = await startHub(join(temp.path, "hub"));
  const ini = join(temp.path, "edge.ini");
  await Deno.writeTextFile(ini, `[uwsgi]\nspooler-forward = out ${hub.address}\n`);
  await using program = await Program.start(["--ini", ini]);
  await runInUwsgi(
    temp.path,
    `
import uwsgi
uwsgi.spool({b"ud_spool_func": b"from_app", b"name": b"ann"})
`,
    ...["--spooler-external", join(temp.path, "out")],
  );
  await program.line(/from_app \S+ done/);
  const pushed = await spooler(["push", "--ini", ini, "a=b", `spooler=${hub.address}`]);
  assertEquals(pushed.code, 0);
  await until(() => hub.ran().length === 2, "both tasks run");
  assertEquals(hub.ran().map(own), [{ ud_spool_func: "from_app", name: "ann" }, { a: "b" }]);
});

testWith("uwsgi", "a uWSGI with an abstract socket is reached by its name", async () => {
  await using temp = await tempDir();
  const name = `@spooler-test-${Deno.pid}-${crypto.randomUUID()}`;
  await using hub = await startHub(temp.path, name);
  await using site = await ForwardSite.start({ targets: [name] });
  await site.put({ i: "1" });
  await site.drained();
  await until(() => hub.ran().length === 1, "the task runs");
  assertEquals(site.of("target.down"), []);
});

testWith(
  "uwsgi",
  "a uWSGI without the spooler plugin is down; its tasks go to the right one",
  async () => {
    for (const plugins of [[], ["ping"]]) {
      await using temp = await tempDir();
      await Deno.mkdir(join(temp.path, "wrong"));
      const wrong = await startHub(join(temp.path, "wrong"), undefined, plugins);
      const { address } = wrong;
      await using site = await ForwardSite.make({ targets: [address] });
      for (let i = 0; i < 10; i++) await site.put({ i: String(i) });
      await site.start();
      const { reason } = await site.event("target.down");
      assertStringIncludes(reason, "like a uWSGI with no spooler plugin");
      // Each of the ten had its chance by then, and uWSGI says what it thinks of them.
      await wrong.program.line(/unavailable modifier requested: 17/, 12);
      assertEquals(site.of("task.settled"), []);
      await wrong.program.kill();
      await using right = await startHub(temp.path, address);
      const rightSince = performance.now();
      await until(() => site.of("task.settled").length > 0, "the first is delivered");
      assert(performance.now() - rightSince < SOON_MS, "the first delivery came late");
      await site.drained();
      await until(() => right.ran().length === 10, "all tasks run");
      assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
    }
  },
);

testWith(
  "uwsgi",
  "a uWSGI whose spooler is not configured is down; its tasks go to the right one",
  async () => {
    await using temp = await tempDir();
    await using inactive = await startHub(temp.path, undefined, ["spooler", "ping"], false);
    const { address } = inactive;
    await using site = await ForwardSite.make({ targets: [address] });
    for (let i = 0; i < 5; i++) await site.put({ i: String(i) });
    await site.start();
    const { reason } = await site.event("target.down");
    assertStringIncludes(reason, "like a uWSGI with no spooler = line");
    await inactive.program.line(/the spooler is inactive/, 7);
    assertEquals(site.of("task.settled"), []);
    await inactive.program.kill();
    await using right = await startHub(temp.path, address);
    await site.drained();
    await until(() => right.ran().length === 5, "all tasks run");
    assertEquals(site.of("task.settled").filter(({ fate }) => fate.kind !== "done"), []);
  },
);

testWith(
  "uwsgi",
  "with a secret a uWSGI gets tasks when the ini says kind=uwsgi, and not before",
  async () => {
    for (const plugins of [["spooler"], ["spooler", "ping"]]) {
      await using temp = await tempDir();
      await using hub = await startHub(temp.path, undefined, plugins);
      const settings = { targets: [hub.address], secret: "of two sides" };
      await using careful = await ForwardSite.start(settings);
      await careful.put({ i: "1" });
      assertStringIncludes((await careful.event("target.down")).reason, "set kind=uwsgi");
      await using site = await ForwardSite.start({ ...settings, kind: "uwsgi" });
      await site.put({ i: "2" });
      await site.drained();
      await until(() => hub.ran().length === 1, "the task runs");
      assertEquals(hub.ran().map(own), [{ i: "2" }]);
      assertEquals(careful.left().length, 1);
    }
  },
);

testWith(
  "uwsgi",
  "a hub of ours that becomes a uWSGI without ping has its tasks within a second",
  async () => {
    await using temp = await tempDir();
    const hub = await openReception({ ini: [] });
    const address = `127.0.0.1:${hub.port}`;
    await using site = await ForwardSite.start({ targets: [address] });
    await site.put({ i: "1" });
    await site.drained();
    await hub[Symbol.asyncDispose]();
    await site.put({ i: "2" });
    await site.event("target.down");
    await using uwsgi = await startHub(temp.path, address, ["spooler"]);
    const since = performance.now();
    await site.drained();
    assert(performance.now() - since < SOON_MS, "the delivery came late");
    await until(() => uwsgi.ran().length === 1, "the task runs");
  },
);
