/**
 * The power fails while tasks are acknowledged: at a moment at which nothing is being written, the image
 * of the spool's file system is copied as it is; the copy is repaired and mounted, as at the next boot,
 * and the program is started on it, as on another boot. Every task that was acknowledged before that
 * moment must be in it then, with all its bytes, unless it has run.
 *
 * What the device itself might lose or reorder in its cache is not a part of this.
 */

import { join } from "@std/path";
import { sendTask } from "../../src/wire/client.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  EXT4_WITHOUT_JOURNAL,
  FILE_SYSTEMS,
  type FileSystem,
  hasMaker,
  mountImage,
} from "../support/image.ts";
import { Program, programLabel } from "../support/program.ts";
import { tasksAfterStart } from "../support/power.ts";
import { portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

const CUTS = Number(Deno.env.get("SPOOLER_POWER_CUTS") ?? 5);
const TASKS_A_CUT = 150;
const PUSHERS = 8;
/** Stays: it is due in the year 2100. */
const LATER = "4102444800";

/** Some are longer than a page, and some as long as a packet takes. */
function bodyOf(n: number): Uint8Array {
  return new Uint8Array(n % 50 === 1 ? 60_000 : n % 7 === 1 ? 9000 : n % 4).fill(n);
}

/** Pushes tasks until it is stopped; those that run are removed meanwhile, in all priorities. */
class Pushers {
  #next = 0;
  #stopped = false;
  readonly acknowledged = new Set<string>();
  readonly #all: Promise<void>[] = [];
  #wake = () => {};
  /** They wait when so many have been sent: the disk is small. */
  #most = 0;
  #goOn = Promise.withResolvers<void>();

  constructor(private readonly port: number) {
    for (let n = 0; n < PUSHERS; n++) this.#all.push(this.#push());
  }

  async #push(): Promise<void> {
    while (!this.#stopped) {
      if (this.#next >= this.#most) {
        await this.#goOn.promise;
        continue;
      }
      const n = this.#next++;
      const values: Record<string, string> = { n: String(n), ud_spool_func: "note" };
      if (n % 2 === 0) values.at = LATER;
      // A new directory every few tasks.
      if (n % 3 === 0) values.priority = String(Math.floor(n / 20));
      if (n % 5 === 0) values.spooler_id = `id-${n}`;
      const accepted = await sendTask(
        { kind: "tcp", host: "127.0.0.1", port: this.port },
        varsOf({ ...values, body: bodyOf(n) }),
      );
      assert(accepted, `task ${n} was refused`);
      this.acknowledged.add(String(n));
      this.#wake();
    }
  }

  /** More are on their way then. */
  async untilAcknowledged(count: number): Promise<void> {
    this.#most = count + TASKS_A_CUT;
    this.#release();
    const failed = Promise.all(this.#all);
    while (this.acknowledged.size < count) {
      await Promise.race([new Promise<void>((resolve) => this.#wake = resolve), failed]);
    }
  }

  #release(): void {
    this.#goOn.resolve();
    this.#goOn = Promise.withResolvers();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#release();
    await Promise.all(this.#all);
  }
}

async function cutsOn(
  fileSystem: FileSystem,
): Promise<{ missing: string[]; known: number; putBack: number }> {
  await using temp = await tempDir();
  const image = join(temp.path, "disk.img");
  await using disk = await mountImage(image, fileSystem);
  const ledger = join(temp.path, "ledger");
  const ini = join(temp.path, "site.ini");
  await Deno.writeTextFile(
    ini,
    `[uwsgi]
spooler = ${disk.path}/spool
spooler-task = name=note echo "$SPOOL_N" >> ${ledger}
spooler-processes = 4
spooler-quiet = true
spooler-max-priority = 1000000
socket = 127.0.0.1:0
`,
  );
  const missing: string[] = [];
  let [known, putBack] = [0, 0];
  await using program = await Program.start(["--ini", ini]);
  const pushers = new Pushers(portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/)));
  for (let cut = 1; cut <= CUTS; cut++) {
    await pushers.untilAcknowledged(cut * TASKS_A_CUT);
    const copy = join(temp.path, `cut-${cut}.img`);
    program.signal("SIGSTOP");
    const before = new Set(pushers.acknowledged);
    await disk.copyTo(copy);
    // A command that runs goes on while the program stands still.
    const ran = new Set((await Deno.readTextFile(ledger).catch(() => "")).split("\n"));
    program.signal("SIGCONT");
    {
      await using after = await mountImage(copy, fileSystem, "repaired");
      const { found, back } = await tasksAfterStart(ini, join(after.path, "spool"), `cut-${cut}`);
      missing.push(...[...before].filter((n) => !found.has(n) && !ran.has(n)));
      known += before.size;
      putBack += back;
    }
    await Deno.remove(copy);
  }
  await pushers.stop();
  await program.stop();
  return { missing, known, putBack };
}

for (const fileSystem of FILE_SYSTEMS) {
  testWith(
    "loop",
    `${programLabel}: power cuts on ${fileSystem.name}: what was acknowledged is there`,
    async () => {
      if (!hasMaker(fileSystem)) {
        return console.log(`    no ${fileSystem.maker[0]} on this machine`);
      }
      const { missing, known, putBack } = await cutsOn(fileSystem);
      assert(known >= CUTS * TASKS_A_CUT);
      // Where the file system has no journal, the program has none.
      const isJournalled = fileSystem.name !== EXT4_WITHOUT_JOURNAL.name;
      assertEquals(putBack > 0, isJournalled, `the journal had ${putBack} of what the cuts took`);
      assertEquals(missing, [], `${missing.length} of ${known} are missing`);
    },
  );
}
