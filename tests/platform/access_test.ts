/** What the program asks for itself, a shell answers the same: it is what other accounts are asked by. */

import { join } from "@std/path";
import { mayUse, type Probe, type Use } from "../../src/platform/access.ts";
import { assertEquals } from "../support/assert.ts";
import { tempDir } from "../support/temp.ts";

// Libc is opened by the first question, and kept.
await mayUse([{ path: "/", use: "enter" }]);

const USES: readonly Use[] = ["enter", "write", "change"];

Deno.test("directories, files, links and what is not there: the system and a shell agree", async () => {
  await using temp = await tempDir();
  const dir = temp.path;
  await Deno.mkdir(join(dir, "directory"));
  await Deno.mkdir(join(dir, "-closed"), { mode: 0o500 });
  await Deno.writeTextFile(join(dir, "file"), "");
  await Deno.writeTextFile(join(dir, "program"), "", { mode: 0o777 });
  await Deno.symlink("directory", join(dir, "link"));
  await Deno.symlink("nowhere", join(dir, "dangling"));
  const names = ["directory", "-closed", "file", "program", "link", "dangling", "absent", "file/x"];
  const paths = [...names.map((name) => join(dir, name)), "/", "/proc", "/proc/version"];
  const probes: Probe[] = paths.flatMap((path) => USES.map((use) => ({ path, use })));
  const own = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const told = (answers: boolean[]) =>
    probes.map(({ path, use }, index) => `${use} ${path}: ${answers[index]}`);
  assertEquals(told(await mayUse(probes)), told(await mayUse(probes, own)));
  const [enter, write] = await mayUse(probes);
  assertEquals([enter, write], [true, true]);
});
