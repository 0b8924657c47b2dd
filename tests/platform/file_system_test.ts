/** What is known against a file system, read from the mounted file system. */

import { join } from "@std/path";
import { weakness } from "../../src/platform/file_system.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { assertEquals } from "../support/assert.ts";
import { EXT4_WITHOUT_JOURNAL, FILE_SYSTEMS, mountImage } from "../support/image.ts";
import { testWith } from "../support/require.ts";
import { varsOf } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

function deviceOf(path: string): string {
  const { stdout } = new Deno.Command("mountpoint", { args: ["-d", path] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

testWith(
  "loop",
  "what e2fsck has moved to lost+found is counted where it looks like a task",
  async () => {
    await using temp = await tempDir();
    await using disk = await mountImage(join(temp.path, "disk.img"), EXT4_WITHOUT_JOURNAL);
    const known = "ext4 without a journal: after a power cut e2fsck may move tasks to lost+found";
    assertEquals(weakness(deviceOf(disk.path)), known);
    const found = join(disk.path, "lost+found");
    const task = encodePacket(varsOf({ n: "1" }), 17);
    await Deno.writeFile(join(found, "#12"), task);
    await Deno.writeFile(join(found, "#13"), new Uint8Array([...task, 1, 2, 3]));
    await Deno.writeFile(join(found, "#14"), task.subarray(0, 6));
    await Deno.writeTextFile(join(found, "#15"), "a log");
    await Deno.writeTextFile(join(found, "#16"), "");
    await Deno.mkdir(join(found, "#17"));
    assertEquals(
      weakness(deviceOf(disk.path)),
      `${known}; ${found} has 2 possible tasks`,
    );
  },
);

testWith("loop", "nothing is known against ext4 with a journal", async () => {
  const [ext4] = FILE_SYSTEMS;
  await using temp = await tempDir();
  await using disk = await mountImage(join(temp.path, "disk.img"), ext4 ?? EXT4_WITHOUT_JOURNAL);
  assertEquals(weakness(deviceOf(disk.path)), null);
});
