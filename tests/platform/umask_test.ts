/** What the umask takes away, asked without setting it: other threads would get what was set. */

import { assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

testWith("libc", "the umask is read, not set", async () => {
  const { umask } = Deno;
  const before = umask(0o027);
  Deno.umask = () => {
    throw new Error("the umask is not set");
  };
  try {
    const module = "../../src/platform/umask.ts?anew";
    const { isMasked } = await import(module) as typeof import("../../src/platform/umask.ts");
    assertEquals([0o600, 0o750, 0o755, 0o020, 0o720].map(isMasked), [
      false,
      false,
      true,
      true,
      true,
    ]);
  } finally {
    Deno.umask = umask;
    umask(before);
  }
});
