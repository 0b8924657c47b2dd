/** `spooler-debug = forwarder`: where a task goes, and what came of it. */

import { assertEquals, assertMatch } from "../support/assert.ts";
import { ForwardSite } from "../support/forward.ts";
import { ours, Peer, type Received, refusal } from "../support/peer.ts";

Deno.test("the forwarder logs which target a task goes to, and what came of it", async () => {
  const accepted: Received[] = [];
  await using full = new Peer(ours([], () => refusal("no such spool")));
  await using other = new Peer(ours(accepted));
  const lines: string[] = [];
  await using site = await ForwardSite.start({
    targets: [full.address, other.address],
    debug: (text) => void lines.push(text),
  });
  const name = await site.put({ a: "1" });
  await site.event("task.settled");
  assertEquals(accepted.length, 1);
  assertEquals(lines.filter((line) => line.startsWith(`${name} at `)), [
    `${name} at ${full.address}: refused, no such spool`,
    `${name} at ${other.address}: accepted`,
  ]);
  const choices = lines.filter((line) => line.startsWith(`${name} goes to `));
  assertEquals(choices.length, 2);
  assertMatch(choices[0] ?? "", new RegExp(`to ${full.address}, 0 of \\d+ under way$`));
  assertMatch(choices[1] ?? "", new RegExp(`to ${other.address}, 0 of \\d+ under way$`));
});
