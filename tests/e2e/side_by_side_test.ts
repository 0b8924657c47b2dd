import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

testWith("python", `${programLabel}: each ini of docs/side-by-side.md is fine`, async () => {
  const page = await Deno.readTextFile(new URL("../../docs/side-by-side.md", import.meta.url));
  const inis = [...page.matchAll(/^```ini\n([^]*?)^```$/gm)].flatMap(([, ini]) => ini ?? []);
  const tasks = page.match(/^```python\n(import time[^]*?)^```$/m)?.[1] ?? "";
  assertEquals(inis.length, 5);
  for (const ini of inis) {
    await using temp = await tempDir();
    const path = join(temp.path, "site.ini");
    await Deno.writeTextFile(path, ini);
    await Deno.writeTextFile(join(temp.path, "tasks.py"), tasks);
    const { code, stderr, stdout } = await spooler(["check", path]);
    assertEquals([code, stderr], [0, ""], `${ini}\n${stdout}`);
  }
});
