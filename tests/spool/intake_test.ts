/** How a task gets into a spool that does not sync; that it then is there whole is store_test.ts's. */

import { join } from "@std/path";
import { TMP_DIR } from "../../src/spool/layout.ts";
import { encodePacket, MODIFIER_SPOOL } from "../../src/wire/packet.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { SlowFiles } from "../support/faults.ts";
import { smallFileSystem } from "../support/mount.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { openUnsynced, seenNames, varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const vars = varsOf({ ud_spool_func: "hello", long: "x".repeat(5000) });
const SIZE_KIB = 256;

for (const [how, libc] of [["by libc", platform.libc], ["without libc", null]] as const) {
  testWith("libc", `without fsync a task is written at once, ${how}`, async () => {
    await using temp = await tempDir();
    const clock = new FakeClock();
    const store = await openUnsynced(temp.path, { clock, libc });
    const at = clock.now() + 60_123;
    const ref = await store.put({ vars, at, priority: 7 });
    const path = join(temp.path, "7", ref.name);
    assertEquals(await Deno.readFile(path), encodePacket(vars, MODIFIER_SPOOL));
    const { mtime, mode } = await Deno.stat(path);
    assertEquals(mtime?.getTime(), at);
    assertEquals((mode ?? 0) & 0o777, 0o600);
    assertEquals([...Deno.readDirSync(join(temp.path, TMP_DIR))], []);
    store.close();
  });
}

for (const [how, libc] of [["by libc", platform.libc], ["without libc", null]] as const) {
  testWith(
    "libc",
    `a directory has its mode while another thread has set a umask, ${how}`,
    async () => {
      await using temp = await tempDir();
      const store = await openUnsynced(temp.path, { libc });
      await store.put({ vars });
      const umask = Deno.umask(0o177);
      try {
        await store.put({ vars, priority: 7 });
      } finally {
        Deno.umask(umask);
      }
      const { mode } = await Deno.stat(join(temp.path, "7"));
      assertEquals((mode ?? 0) & 0o777, 0o750);
      store.close();
    },
  );
}

testWith(
  "mount",
  "without fsync, too, a full disk takes nothing and keeps what it took",
  async () => {
    await using disk = await smallFileSystem(SIZE_KIB);
    const store = await openUnsynced(join(disk.path, "spool"));
    let accepted = 0;
    const fill = async () => {
      for (; accepted < SIZE_KIB; accepted++) await store.put({ vars });
    };
    const error = await assertRejects(fill, Error);
    assertStringIncludes(error.message, "No space left on device");
    assert(accepted > 10);
    assertEquals([...Deno.readDirSync(join(store.dir, TMP_DIR))], []);
    assertEquals(seenNames(store).length, accepted);
    store.close();
  },
);

for (const [fsync, mostMs] of [[false, 20], [true, 200]] as const) {
  Deno.test(`while the disk is busy nothing is written at once, fsync ${fsync}`, async () => {
    await using temp = await tempDir();
    const clock = new FakeClock();
    const slow = new SlowFiles(clock);
    const store = await openUnsynced(temp.path, { clock, files: slow.files, fsync });
    for (const [taskMs, restMs] of [[mostMs, 0], [mostMs + 1, 999], [1, 1], [1, 0]] as const) {
      slow.tookMs = taskMs;
      await store.put({ vars });
      clock.advance(restMs);
    }
    assertEquals(slow.ways, ["at once", "at once", "by threads", "at once"]);
    assertEquals(seenNames(store).length, 4);
    store.close();
  });
}
