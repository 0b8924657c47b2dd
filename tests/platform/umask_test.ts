/** What the umask takes away, asked without setting it: other threads would get what was set. */

import { assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";

const SCRIPT = `
Deno.umask = () => { throw new Error("the umask is not set"); };
const { isMasked } = await import("${new URL("../../src/platform/umask.ts", import.meta.url)}");
console.log(JSON.stringify([0o600, 0o750, 0o755, 0o020, 0o720].map(isMasked)));
`;

// In a process of its own: the tests beside this one have the umask in common with it.
testWith("libc", "the umask is read, not set", async () => {
  const line = 'umask 027 && printf %s "$1" | exec "$0" run --quiet --allow-all -';
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", line, Deno.execPath(), SCRIPT],
  }).output();
  const [said, trouble] = [stdout, stderr].map((each) => new TextDecoder().decode(each));
  assertEquals([said, trouble], ["[false,false,true,true,true]\n", ""]);
});
