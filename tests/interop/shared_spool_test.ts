/** One directory, several consumers: uWSGI's Python spooler and ours, or two of ours. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { startDispatcher, succeeding } from "../support/dispatcher.ts";
import { fillSpool } from "../support/fill.ts";
import { countLines, ledgerLines } from "../support/ledger.ts";
import { Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { claimNow, openStore, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { runInUwsgi, startUwsgiSpooler } from "../support/uwsgi.ts";

const TASKS = 10_000;
/** A busy machine needs more than the usual patience for so many. */
const DRAIN_MS = 120_000;
const CONSUMER = new URL("../support/consumer.ts", import.meta.url).pathname;

/** A task of uWSGI's appends its name to `ledger`; the first waits until `other` is not empty. */
function uwsgiModule(ledger: string, other: string | null = null): string {
  return `
import uwsgi, os, time
other = ${other === null ? "None" : JSON.stringify(other)}
out = os.open(${JSON.stringify(ledger)}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
def spooler(env):
    global other
    name = env["spooler_task_name"]
    os.write(out, (name if isinstance(name, bytes) else name.encode()) + b"\\n")
    while other is not None:
        if os.path.exists(other) and os.path.getsize(other) > 0:
            other = None
        else:
            time.sleep(0.005)
    return uwsgi.SPOOL_OK
uwsgi.spooler = spooler
`;
}

async function startConsumer(spool: string, ledger: string, other: string): Promise<Program> {
  const consumer = Program.launch(Deno.execPath(), [
    ...["run", "--quiet", "--allow-all", CONSUMER, spool, ledger, other],
  ]);
  await consumer.line(/^ready$/);
  return consumer;
}

function isEmpty(spool: string): boolean {
  for (const { name } of Deno.readDirSync(spool)) if (name.startsWith(TASK_PREFIX)) return false;
  return true;
}

/** Every task is in one of the ledgers, once, and each ledger has some. */
function assertShared(names: readonly string[], ledgers: readonly string[]): void {
  const lines = ledgers.map(ledgerLines);
  for (const [i, own] of lines.entries()) assert(own.length > 0, `consumer ${i} ran nothing`);
  const runs = countLines(lines.flat());
  assertEquals(names.filter((name) => runs.get(name) !== 1), [], "not run exactly once");
  assertEquals(runs.size, names.length);
}

testWith(
  "uwsgi",
  `${TASKS} tasks, one uWSGI spooler and one of ours: each runs exactly once`,
  async () => {
    await using temp = await tempDir();
    const spool = join(temp.path, "spool");
    const [ours, theirs] = [join(temp.path, "ours"), join(temp.path, "theirs")];
    const names = fillSpool(spool, TASKS);
    await using uwsgi = await startUwsgiSpooler(temp.path, spool, uwsgiModule(theirs, ours));
    await using consumer = await startConsumer(spool, ours, theirs);
    await until(() => isEmpty(spool), `the spool is not empty\n${uwsgi.log}`, DRAIN_MS);
    assertEquals(await consumer.stop(), 0);
    assertShared(names, [ours, theirs]);
  },
);

testWith("libc", `${TASKS} tasks, two processes of ours: each runs exactly once`, async () => {
  await using temp = await tempDir();
  const spool = join(temp.path, "spool");
  const [one, two] = [join(temp.path, "one"), join(temp.path, "two")];
  const names = fillSpool(spool, TASKS);
  const starting = [startConsumer(spool, one, two), startConsumer(spool, two, one)] as const;
  await using first = await starting[0];
  await using second = await starting[1];
  await until(() => isEmpty(spool), "the spool is not empty", DRAIN_MS);
  assertEquals([await first.stop(), await second.stop()], [0, 0]);
  assertShared(names, [one, two]);
});

testWith("libc", `${programLabel}: two programs on one spool run each task once`, async () => {
  const other = (name: string) =>
    `echo "$SPOOLER_TASK" >> $ME; until [ -s ${name} ]; do sleep 0.01; done`;
  await using site = await makeSite(
    `spooler-task = if [ $ME = one ]; then ${other("two")}; else ${other("one")}; fi`,
    "spooler-processes = 2",
  );
  const names = fillSpool(site.spool, 300);
  const start = (me: string) => Program.start(["--ini", site.ini], { env: { ME: me } });
  const starting = [start("one"), start("two")] as const;
  await using first = await starting[0];
  await using second = await starting[1];
  await until(() => isEmpty(site.spool), "the spool is not empty");
  assertEquals([await first.stop(), await second.stop()], [0, 0]);
  assertShared(names, [join(site.dir, "one"), join(site.dir, "two")]);
});

testWith("uwsgi", "while we run a task, uWSGI's spooler never runs it", async () => {
  await using temp = await tempDir();
  const store = await openStore(join(temp.path, "spool"));
  const ledger = join(temp.path, "ledger");
  const held = claimNow(store, await store.put({ vars: [] }));
  await using uwsgi = await startUwsgiSpooler(temp.path, store.dir, uwsgiModule(ledger));
  // What uWSGI runs after this was found by a scan that met the held task, too.
  for (let scans = 1; scans <= 3; scans++) {
    const { name } = await store.put({ vars: [] });
    await until(() => ledgerLines(ledger).includes(name), `uWSGI runs nothing\n${uwsgi.log}`);
    assertEquals(ledgerLines(ledger).length, scans);
  }
  held.release();
  await until(() => ledgerLines(ledger).includes(held.name), "uWSGI does not run what is free");
});

testWith("uwsgi", "what uWSGI writes while we watch is read whole, and runs once", async () => {
  await using temp = await tempDir();
  const spool = join(temp.path, "spool");
  const count = 100;
  const bodySize = 1_000_000;
  const bodies: string[] = [];
  const dispatcher = await startDispatcher(spool, [succeeding(({ task }) => {
    const end = new Uint8Array(8);
    const length = task.readBody(end, bodySize - 8);
    bodies.push(`${task.bodySize} ${length} ${new TextDecoder().decode(end)}`);
  })]);
  try {
    await runInUwsgi(
      temp.path,
      `
import uwsgi
for n in range(${count}):
    uwsgi.spool({b"body": b"B" * ${bodySize - 8} + b"%08d" % n})
`,
      ...["--spooler-external", spool],
    );
    await until(() => bodies.length >= count, "not all tasks run");
  } finally {
    await dispatcher.stop();
  }
  const expected = Array.from(
    { length: count },
    (_, n) => `${bodySize} 8 ${String(n).padStart(8, "0")}`,
  );
  assertEquals(bodies.toSorted(), expected);
});

testWith("uwsgi", "a task that is written slowly under a lock is never read half-way", async () => {
  await using temp = await tempDir();
  const spool = join(temp.path, "spool");
  const ran: string[] = [];
  const dispatcher = await startDispatcher(spool, [succeeding(({ task }) => {
    ran.push(`${task.name} ${task.bodySize}`);
  })]);
  const name = `${TASK_PREFIX}slow`;
  const packet = encodePacket(varsOf({ ud_spool_func: "slow" }), 17);
  // As uWSGI does it (core/spooler.c, spool_request): create, lock, write, close. The pieces come
  // through a pipe, one a line, each answered when it is in the file.
  const writer = new Deno.Command("python3", {
    args: [
      "-c",
      `
import fcntl, json, os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
fcntl.lockf(fd, fcntl.LOCK_EX)
for line in sys.stdin:
    os.write(fd, bytes(json.loads(line)))
    print("written", flush=True)
`,
      join(spool, name),
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  try {
    const input = writer.stdin.getWriter();
    const answers = writer.stdout.getReader();
    const store = await openStore(spool);
    // The header, a half of the vars, the rest: whole from here on, but the lock is still held.
    const body = new Uint8Array(5).fill(66);
    const pieces = [packet.slice(0, 4), packet.slice(4, 9), packet.slice(9), body];
    for (const [i, piece] of pieces.entries()) {
      await input.write(new TextEncoder().encode(`[${piece.join()}]\n`));
      await answers.read();
      // A scan of the file for each piece, and another task that runs after it.
      Deno.utimeSync(join(spool, name), 1, 1);
      const next = await store.put({ vars: [] });
      await until(() => ran.some((line) => line.startsWith(next.name)), "the next does not run");
      assertEquals(ran.length, i + 1);
    }
    await input.close();
    await until(() => ran.includes(`${name} 5`), "the task does not run when it is written");
    assertEquals(ran.length, pieces.length + 1);
    answers.releaseLock();
    await writer.stdout.cancel();
  } finally {
    await writer.status;
    await dispatcher.stop();
  }
});
