/** Tasks that are not ours on a directory that we share: uWSGI runs them as if we were not there. */

import { existsSync } from "node:fs";
import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fillSpool } from "../support/fill.ts";
import { countLines, ledgerLines } from "../support/ledger.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";
import { startUwsgiSpooler } from "../support/uwsgi.ts";

const TASKS = 60;
const RUNS = 8;

/** Notes the name of each task in the ledger. */
const noting = (ledger: string, answer: string) => `
import os, uwsgi
out = os.open(${JSON.stringify(ledger)}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def spooler(env):
    name = env["spooler_task_name"]
    os.write(out, (name if isinstance(name, bytes) else name.encode()) + b"\\n")
    return uwsgi.${answer}
uwsgi.spooler = spooler
`;

const mtimesOf = (spool: string, names: readonly string[]) =>
  names.map((name) => Deno.statSync(join(spool, name)).mtime?.getTime());

testWith("uwsgi", `${programLabel}: what has no handler here runs at once in uWSGI`, async () => {
  await using site = await makeSite("spooler-task = name=other true", "spooler-frequency = 1");
  const names = fillSpool(site.spool, TASKS);
  const before = mtimesOf(site.spool, names);
  await using program = await site.start();
  await program.line(/no handler/);
  for (let n = 1; n <= 2; n++) {
    await writeTask(site.spool, `${TASK_PREFIX}ours_${n}_1_1_0`, { ud_spool_func: "other" });
    await program.line(/other \S+ done/, n);
  }
  // A later mtime is what uWSGI puts a task off for.
  assertEquals(mtimesOf(site.spool, names), before);
  const ledger = join(site.dir, "ledger");
  await using uwsgi = await startUwsgiSpooler(
    site.dir,
    site.spool,
    noting(ledger, "SPOOL_OK"),
  );
  await until(
    () => ledgerLines(ledger).length >= TASKS,
    `uWSGI does not run all\n${uwsgi.log}\n${program.log}`,
  );
  assertEquals([...countLines(ledgerLines(ledger)).keys()].toSorted(), names.toSorted());
  assertEquals(await program.stop(), 0);
});

testWith(
  "uwsgi",
  `${programLabel}: a task that every function ignores runs about as often as in uWSGI`,
  async () => {
    const [ours, theirs] = ["ours", "theirs"];
    await using site = await makeSite(
      ...["spooler-import = tasks.py", "spooler-frequency = 1", `python = ${testPython}`],
    );
    const other = join(site.dir, "other");
    fillSpool(site.spool, 1);
    fillSpool(other, 1);
    const ledgers = [ours, theirs].map((name) => join(site.dir, name));
    const [own = "", foreign = ""] = ledgers;
    await Deno.writeTextFile(join(site.dir, "tasks.py"), noting(own, "SPOOL_IGNORE"));
    await using program = await site.start();
    await program.line(/tasks\.py loaded/);
    const module = noting(foreign, "SPOOL_IGNORE");
    await using uwsgi = await startUwsgiSpooler(site.dir, other, module);
    await until(
      () => ledgers.every((ledger) => ledgerLines(ledger).length > 0),
      `one of them runs nothing\n${uwsgi.log}\n${program.log}`,
    );
    const [ourStart, theirStart] = ledgers.map((ledger) => ledgerLines(ledger).length);
    const runs = () =>
      [
        ledgerLines(own).length - (ourStart ?? 0),
        ledgerLines(foreign).length - (theirStart ?? 0),
      ] as const;
    await until(() => Math.max(...runs()) >= RUNS, `they run no more\n${program.log}`);
    const [we = 0, they = 0] = runs();
    assert(we * 2 >= they && they * 2 >= we, `we ran it ${we} times, uWSGI ${they} times`);
    assertEquals(program.log.match(/deferred|failed/g), null);
    assertEquals(await program.stop(), 0);
  },
);

for (
  const [what, held, ...ini] of [
    ["a paused spool", /is paused|paused/, "spooler-task = echo ran >> own"],
    ["a rate that is used up", null, "spooler-task = echo ran >> own", "spooler-rate = 1/h"],
    [
      "a handler that runs as many as it may",
      /started from/,
      "spooler-task = processes=1 echo ran >> own; sleep 20",
      "spooler-processes = 4",
    ],
  ] as const
) {
  testWith("uwsgi", `${programLabel}: ${what} keeps no task from uWSGI`, async () => {
    await using site = await makeSite("spooler-frequency = 1", "spooler-debug = scan", ...ini);
    const own = () => ledgerLines(join(site.dir, "own")).length;
    const isPaused = what === "a paused spool";
    if (isPaused) {
      await Deno.mkdir(site.spool);
      assertEquals((await spooler(["pause", "--dir", site.spool])).code, 0);
    }
    const names = fillSpool(site.spool, TASKS);
    const before = new Map(names.map((name) => [name, mtimesOf(site.spool, [name])[0]]));
    await using program = await site.start();
    if (held !== null) await program.line(held);
    if (!isPaused) await until(() => own() === 1, "ours runs one");
    // One more than at the start, in which nothing of ours may begin; where nothing happens no other comes.
    await program.line(/scan: ends/, 2);
    const left = names.filter((name) => existsSync(join(site.spool, name)));
    assert(left.length >= TASKS - 1);
    for (const name of left) assertEquals(mtimesOf(site.spool, [name])[0], before.get(name), name);
    const ledger = join(site.dir, "ledger");
    await using uwsgi = await startUwsgiSpooler(site.dir, site.spool, noting(ledger, "SPOOL_OK"));
    const wanted = isPaused ? TASKS : TASKS - 1;
    await until(
      () => ledgerLines(ledger).length >= wanted,
      `uWSGI does not run all\n${uwsgi.log}\n${program.log}`,
    );
    assertEquals(new Set(ledgerLines(ledger)).size, wanted);
    assertEquals(own(), isPaused ? 0 : 1);
    assertEquals(program.log.match(/deferred|postponed|failed/g), null);
  });
}
