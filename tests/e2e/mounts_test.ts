/** File systems that come and go under a running program, and that cannot take what they should. */

import { join } from "@std/path";
import { sendTask } from "../../src/wire/client.ts";
import { isTaskName } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { EXT4_WITHOUT_JOURNAL, FILE_SYSTEMS, mountImage } from "../support/image.ts";
import { run } from "../support/mount.ts";
import { Program, programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const LATER = "4102444800";

const [EXT4 = EXT4_WITHOUT_JOURNAL] = FILE_SYSTEMS;

async function startOn(dir: string, spool: string, line = "", env: Record<string, string> = {}) {
  const ini = join(dir, "site.ini");
  const all = ["[uwsgi]", `spooler = ${spool}`, "socket = 127.0.0.1:0", line, ""];
  await Deno.writeTextFile(ini, all.join("\n"));
  const program = await Program.start(["--ini", ini], { env });
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  const send = (values: Record<string, string>) =>
    sendTask({ kind: "tcp", host: "127.0.0.1", port }, varsOf(values));
  return { program, send };
}

const tasksIn = (dir: string) =>
  [...Deno.readDirSync(dir)].filter(({ name }) => isTaskName(name)).length;

for (const place of ["the mount point", "a directory of the mount"]) {
  testWith(
    "loop",
    `${programLabel}: ${place} as a spool: a lazy unmount stops acceptance, a mount heals it`,
    async () => {
      await using temp = await tempDir();
      await using disk = await mountImage(join(temp.path, "disk.img"), EXT4);
      const spool = place === "the mount point" ? disk.path : join(disk.path, "spool");
      const { program, send } = await startOn(temp.path, spool, "spooler-task = echo ran");
      await using _program = program;
      assertEquals(await send({ at: LATER }), true);
      run("umount", "-l", disk.path);
      // At once, and not only when it is noticed.
      assertEquals(await send({ at: LATER }), false);
      await program.line(/accepts and starts no task until this is fixed: .* is it unmounted\?/);
      assertEquals(await send({ at: LATER }), false);
      assertEquals([...Deno.readDirSync(disk.path)], [], "something was made below");
      run("mount", disk.device, disk.path);
      await program.line(/uses \S+ again/);
      assertEquals(tasksIn(spool), 1);
      assertEquals(await send({ at: LATER }), true);
      assertEquals(tasksIn(spool), 2);
      assertEquals(await send({}), true);
      await program.line(/ran$/);
      assertEquals(await program.stop(), 0);
    },
  );
}

testWith("loop", `${programLabel}: a weak file system is named once, at the start`, async () => {
  await using temp = await tempDir();
  await using weak = await mountImage(join(temp.path, "weak.img"), EXT4_WITHOUT_JOURNAL);
  await using strong = await mountImage(join(temp.path, "strong.img"), EXT4);
  const lines = [`spooler = ${join(strong.path, "spool")}`];
  const { program } = await startOn(temp.path, join(weak.path, "spool"), ...lines);
  await using _program = program;
  await program.line(/is on ext4 without a journal: after a power cut/);
  assertEquals(program.log.match(/without a journal/g)?.length, 1);
  assertEquals(program.log.includes(`${strong.path}/spool is on`), false);
  assertEquals(await program.stop(), 0);
});

testWith("loop", `${programLabel}: a backing store that fills up: refused is refused`, async () => {
  await using temp = await tempDir();
  // The image is on a small file system: its device fails to write before its own file system is full.
  const backing = join(temp.path, "backing");
  await Deno.mkdir(backing);
  run("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", backing);
  let accepted = 0;
  try {
    await using disk = await mountImage(join(backing, "disk.img"), EXT4);
    const spool = join(disk.path, "spool");
    const { program, send } = await startOn(temp.path, spool, "spooler-task = true");
    await using _program = program;
    const filler = "x".repeat(60_000);
    const outcomes: boolean[] = [];
    const known = new Set<string>();
    for (let n = 0; n < 400 && outcomes.filter((ok) => !ok).length < 5; n++) {
      const ok = await send({ at: LATER, n: String(n), filler });
      outcomes.push(ok);
      if (ok) known.add(String(n));
    }
    accepted = known.size;
    assert(outcomes.includes(false), "nothing was refused");
    await program.line(/refuses new tasks/);
    await program.kill();
    // What the device could not write is gone with the kernel's memory; what was acknowledged is not: the
    // next start, on a device with room, has it from the journal.
    const copy = join(temp.path, "copy.img");
    await disk.copyTo(copy);
    await using after = await mountImage(copy, EXT4, "repaired");
    const there = join(after.path, "spool");
    const next = await startOn(temp.path, there, "spooler-task = true", {
      SPOOLER_BOOT_ID: "next",
    });
    assertEquals(await next.program.stop(), 0);
    const found = tasksIn(there);
    assert(
      found >= accepted,
      `${accepted} were acknowledged, ${found} are there\n${next.program.log}`,
    );
  } finally {
    run("umount", backing);
  }
  assert(accepted > 10);
});
