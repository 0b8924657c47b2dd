import { join } from "@std/path";
import { IN_MOVED_TO, Inotify } from "../../src/platform/inotify.ts";
import { AT_FDCWD } from "../../src/platform/linux.ts";
import { assertEquals } from "../support/assert.ts";
import { platform } from "../support/platform.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

testWith(
  "libc",
  "each event has its own name, whatever the names beside it are made of",
  async () => {
    const { libc } = platform;
    if (libc === null) throw new Error("libc cannot be called");
    await using temp = await tempDir();
    const at = (name: string) => join(temp.path, name);
    const renamed: string[] = [];
    const inotify = new Inotify(libc, ({ mask, name }) => {
      if (mask & IN_MOVED_TO) renamed.push(name);
    });
    try {
      inotify.add(temp.path, IN_MOVED_TO);
      // Plain, two bytes to a character, no UTF-8 at all; a few, and more than are read at once.
      const names = Array.from({ length: 100 }, (_, n) => {
        const end = n % 7 === 0 ? "ä" : n % 11 === 0 ? "\udcff" : "";
        return `name_${n}_${"x".repeat((n * 13) % 90)}${end}`;
      });
      Deno.writeTextFileSync(at("first"), "");
      let last = "first";
      for (const name of names) {
        assertEquals(libc.rename(AT_FDCWD, at(last), AT_FDCWD, at(name)), 0);
        last = name;
      }
      await until(() => renamed.length === names.length, "not all were reported");
      assertEquals(renamed, names);
    } finally {
      await inotify.close();
    }
  },
);

testWith(
  "libc",
  "a file can be given the name that was used last, and the same name again",
  async () => {
    const { libc } = platform;
    if (libc === null) throw new Error("libc cannot be called");
    await using temp = await tempDir();
    const [a, b] = [join(temp.path, "a"), join(temp.path, "b")];
    libc.close(libc.createFile(AT_FDCWD, b, 0o600));
    // The name that it gets was used by the call before, the one that it has was not.
    libc.close(libc.createFile(AT_FDCWD, a, 0o600));
    assertEquals(libc.rename(AT_FDCWD, b, AT_FDCWD, a), 0);
    assertEquals(libc.rename(AT_FDCWD, a, AT_FDCWD, a), 0);
    assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["a"]);
  },
);
