/** One task of a key at a time, with the program: over sockets, by commands and clients, and behind kills. */

import { join } from "@std/path";
import { connect, Spool } from "../../src/client/mod.ts";
import { isTaskName, taskLabel } from "../../src/spool/layout.ts";
import { hashInName } from "../../src/task/unique.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Program, programLabel, spooler } from "../support/program.ts";
import { PythonClient } from "../support/python_client.ts";
import { testWith } from "../support/require.ts";
import { makeSite, pushTask, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

const KEYS = ["a", "b", "c"];

/** Names of the tasks that wait, and have a key. */
function waiting(site: Site): string[] {
  return [...Deno.readDirSync(site.spool)].map(({ name }) => name)
    .filter((name) => isTaskName(name) && hashInName(name) !== null);
}

/** No key has two tasks, and each has one when it is put once more. */
async function assertWhole(site: Site): Promise<void> {
  const hashes = waiting(site).map(hashInName);
  assertEquals(new Set(hashes).size, hashes.length, "one of each key");
  const client = new Spool(site.spool, { sync: false });
  const names: string[] = [];
  for (const key of KEYS) names.push(await client.put("f", {}, { unique: key }));
  assertEquals(waiting(site).toSorted(), names.toSorted());
}

async function drain(site: Site, program: Program): Promise<void> {
  await spooler(["resume", "--ini", site.ini]);
  await until(() => waiting(site).length === 0, "all have run");
  await spooler(["pause", "--ini", site.ini]);
  await program.line(/ paused: accepts/, 2);
}

Deno.test(`${programLabel}: a task of a key that waits is named to whoever puts another`, async () => {
  await using site = await makeSite("socket = 127.0.0.1:0", "spooler-task = name=f true");
  const first = await pushTask(site, "--create", "--unique", "a", "ud_spool_func=f");
  await spooler(["pause", "--ini", site.ini]);
  await using program = await site.start();
  const address = / socket (\S+)$/.exec(await program.line(/ socket \S+$/))?.[1] ?? "";
  await using hub = connect(address);
  assertEquals(await hub.put("f", {}, { unique: "a", id: "mine" }), first);
  assertEquals(await hub.put("f", {}, { unique: "a", body: "x".repeat(100_000) }), first);
  assertEquals(await hub.put("f", {}, { unique: "b", id: "other" }), "other");
  await program.line(new RegExp(`f from \\S+ is not needed: ${taskLabel(first)} has its key`), 2);
  const task = ["--unique", "a", "ud_spool_func=f"];
  const sent = await spooler(["push", "--to", address, "--priority", "1", ...task]);
  assertEquals([sent.code, sent.stdout], [0, "accepted\n"]);
  assertEquals(await pushTask(site, ...task), first);
  const json = await spooler(["push", "--ini", site.ini, "--json", ...task]);
  const { name, existed } = JSON.parse(json.stdout) as { name: string; existed: boolean };
  assertEquals([name, existed], [first, true]);
  const replaced = await pushTask(site, "--unique-mode", "replace", ...task);
  assert(replaced !== first && !waiting(site).includes(first));
  assertEquals(waiting(site).length, 2);
  await drain(site, program);
  const claims = [...Deno.readDirSync(join(site.spool, ".spooler/unique"))];
  assertEquals(claims, [], "a claim goes with its task");
  const again = await hub.put("f", {}, { unique: "a", id: "again" });
  assertEquals([again, waiting(site).length], ["again", 1]);
});

Deno.test(`${programLabel}: what a command line of a key cannot mean is an error`, async () => {
  await using site = await makeSite();
  await pushTask(site, "--create", "a=b");
  const bad = ["push", "--dir", site.spool, "a=b", "--unique-until", "done"];
  const alone = await spooler(bad);
  const text = "push takes --unique-until and --unique-mode together with --unique only";
  assertEquals([alone.code, alone.stderr], [2, `spooler: ${text}\n`]);
  const until = await spooler([
    "push",
    "--dir",
    site.spool,
    "--unique=k",
    "--unique-until=x",
    "a=b",
  ]);
  assertEquals(until.stderr, 'spooler: spooler_unique_until needs start or done: "x"\n');
});

testWith("python", "clients that are killed at any moment leave one task of a key", async () => {
  await using python = await PythonClient.make();
  await using site = await makeSite("spooler-task = name=f true");
  await pushTask(site, "--create", "a=b");
  const code = `
import random, spooler_client
client = spooler_client.Client(${JSON.stringify(site.spool)}, sync=False)
while True:
    mode = random.choice(["keep", "replace"])
    print(client.put("f", unique=random.choice("abc"), unique_mode=mode, priority=None), flush=True)
`;
  for (let round = 0; round < 4; round++) {
    const writers = Array.from({ length: 3 }, () => python.start(code));
    // Each is killed behind another of its lines, wherever it is by then.
    await Promise.all(writers.map(async (writer, n) => {
      const reader = writer.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let lines = 0;
      while (lines < 5 + 7 * n + 3 * round) {
        lines += (await reader.read()).value?.split("\n").length ?? Infinity;
      }
      writer.kill("SIGKILL");
      await writer.status;
      await Promise.all([reader.cancel(), writer.stderr.cancel()]);
    }));
    await assertWhole(site);
  }
});

Deno.test(`${programLabel}: a program that is killed at any moment leaves one task of a key`, async () => {
  await using site = await makeSite("socket = site.sock", "spooler-task = name=f true");
  await pushTask(site, "--create", "a=b");
  for (let round = 0; round < 2; round++) {
    await spooler(["pause", "--ini", site.ini]);
    await using program = await site.start();
    await using hub = connect(join(site.dir, "site.sock"));
    const puts = Array.from({ length: 60 }, (_, n) => {
      const unique = { key: KEYS[n % 3] as string, mode: n % 2 ? "keep" : "replace" } as const;
      return hub.put("f", { n }, { unique });
    });
    await puts[5 + 24 * round];
    program.signal("SIGKILL");
    await program.ended();
    await using next = await site.start();
    await Promise.all(puts);
    await assertWhole(site);
    await drain(site, next);
  }
});
