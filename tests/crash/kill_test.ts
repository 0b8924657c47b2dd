/**
 * The program is killed with SIGKILL at random moments under a stream of tasks, again and again in
 * one directory; then it runs once more to the end. Every task that was acknowledged must be in the
 * ledger; only a task that was running at a kill may be there once more for each such kill.
 *
 * A command has a session of its own and survives the kill of the program: it writes its line all
 * the same, before or after the program's next start. So the ledger is counted when no process works
 * in the site's directory any more. Which tasks were running says the file that the program keeps of
 * them: a task is noted there before its command starts, and until its file is gone.
 */

import { basename, join } from "@std/path";
import type { Random } from "../../src/platform/clock.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { ListReader, RECORD_SIZE } from "../../src/spool/run_list.ts";
import { sendTask } from "../../src/wire/client.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { countLines, ledgerLines, worksIn } from "../support/ledger.ts";
import { Program, programLabel } from "../support/program.ts";
import { seededRandom } from "../support/random.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn, type Site } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { until } from "../support/until.ts";

const ROUNDS = Number(Deno.env.get("SPOOLER_CRASH_ROUNDS") ?? 20);
const SEED = Number(Deno.env.get("SPOOLER_CRASH_SEED") ?? 20_261_123);
/** A kill comes so long after the acknowledgement that was drawn for it, at most. */
const KILL_WITHIN_MS = 300;
/** More would only wait for the last run, which works through all that is left. */
const TASKS_A_ROUND = 40;
const PUSHERS = 4;

/** The first run of a flaky task fails, so that kills meet retries, too. */
const COMMAND = '[ "$SPOOL_FLAKY$SPOOLER_ATTEMPT" = yes1 ] && exit 1; ' +
  'echo "$SPOOL_N $SPOOLER_TASK" >> ledger';

/** What the pushers know. */
class Pushed {
  #next = 0;
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();

  /** Pushes one task; false when the program is gone. */
  async one(port: number): Promise<boolean> {
    const n = this.#next++;
    const values: Record<string, string> = { n: String(n) };
    if (n % 5 === 0) values.flaky = "yes";
    if (n % 7 === 0) values.priority = String(n % 3);
    this.sent.add(String(n));
    try {
      const accepted = await sendTask({ kind: "tcp", host: "127.0.0.1", port }, varsOf(values));
      assert(accepted, `task ${n} was refused`);
      this.acknowledged.add(String(n));
      return true;
    } catch (error) {
      // It may or may not have been stored: the peer has no answer.
      if (error instanceof Error && error.name === "AssertionError") throw error;
      return false;
    }
  }
}

/** Starts the program, pushes tasks, kills it; returns the names of the tasks that were running. */
async function round(site: Site, pushed: Pushed, random: Random): Promise<string[]> {
  // Its commands have the same directory from their first moment on: none is overlooked at the end.
  const program = await Program.start(["--ini", site.ini], { cwd: site.dir });
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  let left = TASKS_A_ROUND;
  const pushers = Array.from({ length: PUSHERS }, async () => {
    while (left-- > 0 && await pushed.one(port));
  });
  const enough = pushed.acknowledged.size + 2 + Math.floor(random() * (TASKS_A_ROUND - 2));
  await until(() => pushed.acknowledged.size >= enough, `${enough} tasks are acknowledged`);
  await new Promise((resolve) => setTimeout(resolve, random() * KILL_WITHIN_MS));
  await program.kill();
  await Promise.all(pushers);
  return noted(site.spool);
}

/** Names of the tasks in the files of `.spooler/running/`. */
function noted(spool: string): string[] {
  const dir = join(spool, ".spooler/running");
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(dir)) {
    const bytes = Deno.readFileSync(join(dir, name));
    const lists = new ListReader();
    for (let at = 0; at < bytes.length; at += RECORD_SIZE) {
      lists.push(bytes.subarray(at, at + RECORD_SIZE));
    }
    names.push(...lists.names.map((id) => basename(id)));
  }
  return names;
}

function taskFiles(spool: string): string[] {
  const dirs = ["", "0", "1", "2", "failed", "failed/0", "failed/1", "failed/2"];
  return dirs.flatMap((dir) => {
    try {
      return [...Deno.readDirSync(join(spool, dir))].map(({ name }) => join(dir, name));
    } catch {
      return [];
    }
  }).filter((path) => path.includes(TASK_PREFIX));
}

testWith("libc", `${programLabel}: ${ROUNDS} kills lose no task (seed ${SEED})`, async () => {
  await using site = await makeSite(
    `spooler-task = ${COMMAND}`,
    "spooler-processes = 8",
    "spooler-retry-delay = 0.1",
    "socket = 127.0.0.1:0",
  );
  const random = seededRandom(SEED);
  const pushed = new Pushed();
  const atKills: string[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    atKills.push(...await round(site, pushed, random));
  }

  await using last = await site.start();
  await until(() => taskFiles(site.spool).length === 0, "the spool is not empty", 120_000);
  assertEquals(await last.stop(), 0);
  await until(() => !worksIn(site.dir), "a command does not end");

  const lines = ledgerLines(join(site.dir, "ledger"));
  const runs = countLines(lines.map((line) => line.split(" ")[0] ?? ""));
  const lost = [...pushed.acknowledged].filter((n) => !runs.has(n));
  assertEquals(lost, [], "acknowledged, and in no ledger");
  assertEquals([...runs.keys()].filter((n) => !pushed.sent.has(n)), [], "never sent");

  const killed = countLines(atKills);
  for (const [line, times] of countLines(lines)) {
    const allowed = 1 + (killed.get(line.split(" ")[1] ?? "") ?? 0);
    assert(times <= allowed, `${line} ran ${times} times, at ${allowed - 1} kills it was running`);
  }
  // A test in which nothing was interrupted would have shown nothing.
  assert(pushed.acknowledged.size > ROUNDS, `only ${pushed.acknowledged.size} tasks`);
  assert(killed.size > 0, "no kill met a running task");
});
