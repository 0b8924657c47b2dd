/** Unmapping code that nobody uses: what may go, and that the program goes on. */

import { unmapCode, untouchedMappings } from "../../src/platform/code_pages.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

// Opens what it keeps open, which no test is to be blamed for.
unmapCode();

const smaps = (...mappings: [head: string, anonymous: number][]) =>
  mappings.map(([head, anonymous]) =>
    `${head}\nSize:   128 kB\nRss:     64 kB\nAnonymous:  ${anonymous} kB\nVmFlags: rd mr mw me\n`
  ).join("");

Deno.test("of the program's image only what holds nothing but its file is unmapped", () => {
  const file = "/opt/spooler";
  const text = smaps(
    ["7f00-7f10 r--p 00000000 fe:00 7       /usr/lib/libc.so.6", 0],
    ["10000-20000 r--p 00000000 fe:00 9     /opt/spooler", 0],
    ["21000-30000 r-xp 00010000 fe:00 9     /opt/spooler", 0],
    // Addresses that the loader filled in.
    ["30000-31000 r--p 00020000 fe:00 9     /opt/spooler", 4],
    ["31000-32000 rw-p 00021000 fe:00 9     /opt/spooler", 0],
    ["32000-33000 rw-p 00000000 00:00 0", 4],
    // A second mapping, which V8 may end.
    ["7f0000-7f1000 r-xp 00008000 fe:00 9   /opt/spooler", 0],
  );
  assertEquals(untouchedMappings(text, file), [
    { start: 0x10000n, end: 0x20000n },
    { start: 0x21000n, end: 0x30000n },
  ]);
});

Deno.test("a mapping whose pages were written to stays, and so does another program's", () => {
  const head = "10000-20000 r--p 00000000 fe:00 9  /opt/my spooler (deleted)";
  const file = "/opt/my spooler (deleted)";
  assertEquals(untouchedMappings(smaps([head, 8]), file), []);
  assertEquals(untouchedMappings(smaps([head, 0]), "/opt/spooler"), []);
  assertEquals(untouchedMappings(smaps([head, 0]), file).length, 1);
});

testWith("libc", "a program that unmaps its code goes on, in less memory", async () => {
  const fileKiB = async () =>
    Number(/^RssFile:\s+(\d+) kB$/m.exec(await Deno.readTextFile("/proc/self/status"))?.[1]);
  const before = await fileKiB();
  unmapCode();
  const after = await fileKiB();
  assert(after < before, `${before} KiB of file pages before, ${after} after`);
});

testWith("libc", "its mappings are cut up, into no more than a process may have", async () => {
  const maps = await Deno.readTextFile("/proc/self/maps");
  const pieces = maps.split("\n").filter((line) => line.endsWith(Deno.execPath())).length;
  assert(pieces > 500 && pieces < 30_000, `${pieces} mappings`);
});
