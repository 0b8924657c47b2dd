/** docs/security.md names tests: each is there. */

import { assert, assertStringIncludes } from "./support/assert.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("docs/security.md names tests that are there", async () => {
  const page = await Deno.readTextFile(new URL("docs/security.md", ROOT));
  const named = [...page.matchAll(/`(tests\/[^`]+)`: ([^|\n]+?) +\|/g)];
  assert(named.length >= 20, `${named.length} tests are named`);
  for (const [, path = "", name = ""] of named) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    assertStringIncludes(text, name, path);
  }
});
