/** Two programs, an edge and a hub: tasks wait, travel, and run. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { quietPort } from "../support/port.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = (name: string, body: () => Promise<void>) =>
  Deno.test(`${programLabel}: ${name}`, body);

testWith(
  "openssl",
  `${programLabel}: the edge-to-hub example does what its README says`,
  async () => {
    await using temp = await tempDir();
    const example = new URL("../../examples/edge-to-hub/", import.meta.url);
    const [hubPort, edgePort] = [quietPort(), quietPort()];
    for (const name of ["edge.ini", "hub.ini", "make-keys.sh"]) {
      const text = await Deno.readTextFile(new URL(name, example));
      const moved = text.replaceAll("127.0.0.1:3032", `127.0.0.1:${hubPort}`)
        .replaceAll("127.0.0.1:3031", `127.0.0.1:${edgePort}`);
      await Deno.writeTextFile(join(temp.path, name), moved);
    }
    const [edgeIni, hubIni] = [join(temp.path, "edge.ini"), join(temp.path, "hub.ini")];
    const keys = await new Deno.Command("sh", { args: [join(temp.path, "make-keys.sh")] }).output();
    assertEquals(keys.code, 0, new TextDecoder().decode(keys.stderr));
    const secret = (await Deno.readTextFile(join(temp.path, "keys", "secret"))).trim();

    await using edge = await Program.start(["--ini", edgeIni]);
    const to = `127.0.0.1:${edgePort}`;
    const pushed = await spooler(["push", "--to", to, "ud_spool_func=hello", "name=Ann"]);
    assertEquals(pushed.stdout, "accepted\n");
    const report = ["push", "--ini", edgeIni, "--body-file", "-", "ud_spool_func=report"];
    assertEquals((await spooler(report, "12345678")).code, 0);
    const waiting = edge.line(/ tls:\/\/127\.0\.0\.1:\d+ is down: .*; its tasks wait$/);
    const listed = await spooler(["list", "--ini", edgeIni]);
    await waiting;
    assertMatch(listed.stdout, /hello/);
    assertMatch(listed.stdout, /report/);

    await using hub = await Program.start(["--ini", hubIni]);
    await hub.line(/hello\| Hello, Ann, from the edge!$/);
    await hub.line(/report\| 8$/);
    await edge.line(/ is back after /);
    await edge.line(/ (hello|report) \S+ done/, 2);
    const left = await spooler(["list", "--ini", edgeIni, "--json"]);
    assertEquals(left.stdout.trim(), "");
    assertEquals(await edge.stop(), 0);
    assertEquals(await hub.stop(), 0);
    const checked = await spooler(["check", "--ini", edgeIni]);
    for (const text of [edge.log, hub.log, checked.stdout]) assert(!text.includes(secret));
  },
);

test("a task whose spooler names a target is forwarded, one without is run here", async () => {
  await using hub = await makeSite(
    "socket = 127.0.0.1:0",
    'spooler-task = echo "at the hub: $SPOOL_N, $SPOOL_SPOOLER."',
  );
  await using hubProgram = await hub.start();
  const target = `127.0.0.1:${portIn(await hubProgram.line(/ socket 127\.0\.0\.1:\d+$/))}`;
  await using edge = await makeSite(
    `spooler-forward = out ${target}`,
    "socket = 127.0.0.1:0",
    'spooler-task = echo "at the edge: $SPOOL_N"',
  );
  await using edgeProgram = await edge.start();
  await edgeProgram.line(new RegExp(` spool out: forwarded to ${target}$`));
  const own = `127.0.0.1:${portIn(await edgeProgram.line(/ socket 127\.0\.0\.1:\d+$/))}`;
  for (
    const args of [
      ["--to", own, "n=1", `spooler=${target}`],
      ["--ini", edge.ini, "n=2", `spooler=${target}`],
      ["--dir", join(edge.dir, "out"), "n=3"],
      ["--to", own, "n=4"],
    ]
  ) {
    assertEquals((await spooler(["push", ...args])).code, 0);
  }
  for (const n of [1, 2, 3]) await hubProgram.line(new RegExp(`at the hub: ${n}, \\.$`));
  await edgeProgram.line(/at the edge: 4$/);
  const refused = await spooler(["push", "--to", own, "n=5", "spooler=elsewhere:1"]);
  assertEquals(refused.stdout, "refused\n");
  await edgeProgram.line(/no such spooler: "elsewhere:1"/);
});

/** A hub that only keeps what it gets, and an edge with tasks for it, numbered from 0. */
async function makePair(count: number) {
  const hub = await makeSite("spooler-task = name=never :");
  const ini = ["[uwsgi]", "spooler-external = spool", "socket = in.sock", ""].join("\n");
  await Deno.writeTextFile(hub.ini, ini);
  const edge = await makeSite(
    `spooler-forward2 = dir=out,to=${join(hub.dir, "in.sock")},connections=2`,
  );
  const out = join(edge.dir, "out");
  const put = async (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      await writeTask(out, `uwsgi_spoolfile_on_edge_1_${i}_1_1_1`, { n: String(i) });
    }
  };
  await put(0, count);
  return {
    hub,
    edge,
    put,
    /** The numbers of the tasks that the hub has, in order. */
    async received(): Promise<number[]> {
      const numbers: number[] = [];
      for await (const { name, isFile } of Deno.readDir(hub.spool)) {
        if (!isFile || !name.startsWith("uwsgi_spoolfile_on_")) continue;
        const text = await Deno.readTextFile(join(hub.spool, name));
        numbers.push(Number(/\d+$/.exec(text)?.[0]));
      }
      return numbers.toSorted((a, b) => a - b);
    },
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test("a hub that is killed in the middle of 1,000 tasks has each of them once", async () => {
  const count = 1000;
  await using pair = await makePair(count / 2);
  const first = await pair.hub.start();
  await using edge = await pair.edge.start();
  await first.line(/ accepted from /, 200);
  await first.kill();
  // However late the kill was: there is something to send while the hub is away.
  await pair.put(count / 2, count);
  await edge.line(/ is down: /);
  await using _again = await pair.hub.start();
  await edge.line(/ is back after /);
  await edge.line(/ task \S+ done/, count);
  assertEquals(await pair.received(), upTo(count));
});

test("an edge that is killed twice in the middle of 1,000 tasks has sent each of them once", async () => {
  const count = 1000;
  await using pair = await makePair(count);
  await using hub = await pair.hub.start();
  for (const accepted of [200, 500]) {
    const edge = await pair.edge.start();
    await hub.line(/ accepted from /, accepted);
    await edge.kill();
  }
  await using edge = await pair.edge.start();
  await hub.line(/ accepted from /, count);
  await until(() => leftIn(join(pair.edge.dir, "out")) === 0, "nothing is left at the edge");
  assertEquals(await pair.received(), upTo(count));
  assertEquals(await edge.stop(), 0);
});

function leftIn(spool: string): number {
  return [...Deno.readDirSync(spool)].filter(({ isFile }) => isFile).length;
}

test("a stop while the target is away is quick, and a second start goes on", async () => {
  const port = quietPort();
  await using edge = await makeSite(`spooler-forward = out 127.0.0.1:${port}`);
  await using first = await edge.start();
  await spooler(["push", "--dir", join(edge.dir, "out"), "n=1"]);
  await first.line(/ is down: /);
  assertEquals(await first.stop(), 0);
  await using hub = await makeSite(
    `socket = 127.0.0.1:${port}`,
    'spooler-task = echo "n=$SPOOL_N"',
  );
  await using hubProgram = await hub.start();
  await using second = await edge.start();
  await hubProgram.line(/n=1$/);
  await second.line(/done/);
});

test("push --to brings a body and a signature, and says why it is refused", async () => {
  await using hub = await makeSite(
    "socket = 127.0.0.1:0",
    "spooler-secret = of-two-sides",
    'spooler-task = echo "$SPOOL_N: $(cat)"',
  );
  await using program = await hub.start();
  const to = `127.0.0.1:${portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/))}`;
  const [right, wrong, file] = ["right", "wrong", "body"].map((name) => join(hub.dir, name));
  await Deno.writeTextFile(right as string, "of-two-sides\n");
  await Deno.writeTextFile(wrong as string, "of-one-side\n");
  await Deno.writeTextFile(file as string, "from a file");
  const push = (secret: string | undefined, ...args: string[]) =>
    spooler(["push", "--to", to, ...(secret ? ["--secret-file", secret] : []), ...args], "piped");
  assertEquals((await push(right, "n=1")).stdout, "accepted\n");
  await program.line(/\| 1: $/);
  assertEquals((await push(right, "n=2", "--body-file", file as string)).stdout, "accepted\n");
  await program.line(/\| 2: from a file$/);
  assertEquals((await push(right, "n=3", "--body-file", "-")).stdout, "accepted\n");
  await program.line(/\| 3: piped$/);
  const refused = await push(wrong, "n=4");
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertStringIncludes(refused.stderr, "its ping reply is not signed with our secret");
  assertEquals((await push(undefined, "n=5")).stdout, "refused\n");
});

testWith(
  "uwsgi",
  `${programLabel}: push --to does not send a body where it would be lost`,
  async () => {
    await using temp = await tempDir();
    const path = join(temp.path, "uwsgi.sock");
    await using uwsgi = Program.launch("uwsgi", [
      ...["--plugin", "spooler", "--plugin", "ping", "--master", "--die-on-term", "--no-orphans"],
      ...["--socket", path, "--spooler", join(temp.path, "spool")],
    ], { cwd: temp.path });
    await uwsgi.line(/spawned uWSGI worker 1/);
    const { code, stderr } = await spooler(
      ["push", "--to", path, "--body-file", "-", "a=b"],
      "body",
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "accepts neither bodies nor signatures");
  },
);

test("an ini of a forward and a schedule: its tasks reach the hub, and run-job's do", async () => {
  await using hub = await makeSite("socket = 127.0.0.1:0", 'spooler-task = echo "$SPOOL_N"');
  await using hubProgram = await hub.start();
  const target = `127.0.0.1:${portIn(await hubProgram.line(/ socket 127\.0\.0\.1:\d+$/))}`;
  await using edge = await makeSite("spooler-task = name=never :");
  await Deno.writeTextFile(
    edge.ini,
    [
      "[uwsgi]",
      `spooler-forward = out ${target}`,
      "timer2 = every=1h,at-start=yes,name=first,spool=say n=1",
      `timer2 = every=1h,name=second,spool=say n=2 spooler=${target}`,
      "",
    ].join("\n"),
  );
  assertEquals((await spooler(["check", "--ini", edge.ini])).code, 0);
  await using _program = await edge.start();
  await hubProgram.line(/\| 1$/);
  assertEquals((await spooler(["run-job", "--ini", edge.ini, "second"])).code, 0);
  await hubProgram.line(/\| 2$/);
});

test("check shows forwards, and says what is wrong with them", async () => {
  await using site = await makeSite(
    "spooler-forward2 = dir=out,to=a:1;tls://b:2,connections=2,secret=of-two-sides",
  );
  const good = await spooler(["check", "--ini", site.ini]);
  assertStringIncludes(good.stdout, "to a:1, else tls://b:2");
  assertStringIncludes(good.stdout, "failover, 2 connections to each target");
  assert(!good.stdout.includes("of-two-sides"));
  const json = JSON.parse((await spooler(["check", "--json", "--ini", site.ini])).stdout);
  assertEquals(json.forwards[0].targets[1].address, { kind: "tcp", host: "b", port: 2 });
  assertEquals(json.forwards[0].secret, "********");
  await Deno.writeTextFile(site.ini, "[uwsgi]\nspooler = a\nspooler-forward = a b:1\n");
  const bad = await spooler(["check", "--ini", site.ini]);
  assertEquals(bad.code, 2);
  assertStringIncludes(bad.stderr, "needs a directory of its own");
});
