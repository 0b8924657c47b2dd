/**
 * A backing store that fails: the file system's image lies on a tmpfs that fills up, so that the kernel's
 * own writes to the device fail, behind everybody's back (a thin-provisioned volume does the same). Tasks
 * are pushed all the time. Then the program is killed, the image is mounted as on another boot, and the
 * program is started on it: what was acknowledged is there.
 */

import { join } from "@std/path";
import { sendTask } from "../../src/wire/client.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FILE_SYSTEMS, type FileSystem, hasMaker, mountImage } from "../support/image.ts";
import { run, smallFileSystem } from "../support/mount.ts";
import { Program, programLabel } from "../support/program.ts";
import { portIn } from "../support/site.ts";
import { tasksAfterStart } from "../support/power.ts";
import { varsOf } from "../support/store.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const BACKING_KIB = 30 * 1024;
const LATER = "4102444800";
const PUSHERS = 4;
const REFUSALS = 30;

/** Pushes tasks that stay, until it is stopped. */
class Pushers {
  readonly acknowledged = new Set<string>();
  refused = 0;
  #next = 0;
  #isOver = false;
  readonly #all: Promise<void>[];

  constructor(private readonly port: number) {
    this.#all = Array.from({ length: PUSHERS }, () => this.#push());
  }

  async #push(): Promise<void> {
    while (!this.#isOver) {
      const n = this.#next++;
      const vars = varsOf({ at: LATER, n: String(n), body: new Uint8Array(n % 9000).fill(n) });
      const address = { kind: "tcp", host: "127.0.0.1", port: this.port } as const;
      if (await sendTask(address, vars).catch(() => false)) this.acknowledged.add(String(n));
      else this.refused++;
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#all);
  }
}

/** Takes all the room that the backing store has left. */
function exhaust(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const bytes = new Uint8Array(64 * 1024);
  for (let size = bytes.length; size > 0;) {
    try {
      file.writeSync(bytes.subarray(0, size));
    } catch {
      size = size >> 1;
    }
  }
}

/** @param ends whether the program lives to see the device work again: that proves nothing of before */
async function pushUntilItFails(fileSystem: FileSystem, ends: "broken" | "mended") {
  await using temp = await tempDir();
  await using backing = await smallFileSystem(BACKING_KIB);
  const image = join(backing.path, "disk.img");
  const ballast = join(backing.path, "ballast");
  const ini = join(temp.path, "site.ini");
  let acknowledged: ReadonlySet<string>;
  let behind = 0;
  let log = "";
  {
    await using disk = await mountImage(image, fileSystem);
    await Deno.writeTextFile(
      ini,
      `[uwsgi]\nspooler = ${disk.path}/spool\nspooler-task = true\nsocket = 127.0.0.1:0\n` +
        "spooler-quiet = true\n",
    );
    await using program = await Program.start(["--ini", ini]);
    const pushers = new Pushers(portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/)));
    await until(() => pushers.acknowledged.size > 200, "tasks are accepted");
    exhaust(ballast);
    const before = pushers.acknowledged.size;
    await until(() => pushers.refused > REFUSALS, "tasks are refused");
    behind = pushers.acknowledged.size - before;
    if (ends === "mended") {
      await Deno.remove(ballast);
      const asked = pushers.acknowledged.size + pushers.refused;
      await until(
        () => pushers.acknowledged.size + pushers.refused > asked + 200,
        "pushers go on",
      );
    }
    await pushers.stop();
    acknowledged = pushers.acknowledged;
    await program.kill();
    log = program.log;
  }
  // The device has room again, and what the kernel could not write is gone.
  if (ends === "broken") await Deno.remove(ballast);
  const copy = join(temp.path, "after.img");
  run("cp", "--sparse=always", image, copy);
  await using after = await mountImage(copy, fileSystem, "repaired");
  const { found } = await tasksAfterStart(ini, join(after.path, "spool"), "after");
  const lost = [...acknowledged].filter((n) => !found.has(n));
  return { acknowledged: acknowledged.size, behind, lost, log };
}

const [EXT4] = FILE_SYSTEMS;

for (const ends of ["broken", "mended"] as const) {
  testWith(
    "loop",
    `${programLabel}: a device that fails, and stays ${ends}: what was acknowledged is there`,
    async () => {
      if (EXT4 === undefined || !hasMaker(EXT4)) return;
      const { acknowledged, behind, lost, log } = await pushUntilItFails(EXT4, ends);
      assert(acknowledged > 200, `${acknowledged} acknowledged, ${behind} after the device failed`);
      assertEquals(lost, [], `${lost.length} of ${acknowledged} are lost\n${log}`);
      assert(/refuses new tasks/.test(log), log);
    },
  );
}
