/** Which second runs tests/e2e/cluster/kill_test.ts lets pass. */

import { assertEquals } from "../support/assert.ts";
import { type Kill, reasonOf, recordsIn } from "../support/second_runs.ts";

const LOG = `2026-11-27 10:00:00.100 spool jobs: debug: stream: a is message 1
2026-11-27 10:00:00.200 spool jobs: debug: stream: b is message 2
2026-11-27 10:00:00.300 spool jobs: debug: stream: a: the stream knows that it is done
2026-11-27 10:00:09.000 spool jobs: warning: this program stood still for 2.5 s, longer than ack-wait: others may
`;
const at = (seconds: number) => Date.parse("2026-11-27T10:00:00") + 1000 * seconds;
const run = (task: string, machine: string, seconds: number) =>
  ({ n: 1, task, machine, at: at(seconds) }) as const;
const kill = (machine: string | null, from: number, to: number, what = "it"): Kill => ({
  ...{ what, machine, from: at(from), to: at(to) },
});

function reason(task: string, kills: readonly Kill[], isMended = false, log = LOG, second = 5) {
  const records = new Map([["one", recordsIn(log)]]);
  const runs = [run(task, "one", 0.25), run("c", "two", second)];
  return reasonOf(runs, { kills, records, isMended });
}

Deno.test("who was killed before the stream knew the end of its task has it run again", () => {
  const killed = kill("one", 1, 4);
  assertEquals(reason("b", [killed]), killed);
  assertEquals(reason("b", [kill("two", 1, 4)]), null, "another one was killed");
  assertEquals(reason("b", [kill("one", 6, 8)]), null, "it had run again before");
  assertEquals(reason("b", [kill("one", 0.15, 0.16)]), null, "it took the task after its kill");
  assertEquals(reason("b", []), null);
});

Deno.test("a task whose end the stream knew may not run again at any kill", () => {
  assertEquals(reason("a", [kill("one", 1, 4)]), null);
  assertEquals(reason("a", [kill(null, 1, 4)]), null);
  const early = kill(null, 0.2, 4);
  assertEquals(reason("a", [early]), early, "it was acknowledged after the servers were away");
});

Deno.test("servers that were away excuse what was held when they came back", () => {
  const away = kill(null, 1, 4);
  assertEquals(reason("b", [away]), away);
  assertEquals(reason("b", [kill(null, 0.1, 0.15)]), null, "it was taken afterwards");
});

Deno.test("all servers may have lost what they had acknowledged, where that was noticed", () => {
  const all = kill(null, 1, 4, "all servers");
  assertEquals(reason("a", [all]), null);
  assertEquals(reason("a", [all], true), all);
});

Deno.test("a program that stood still while it had the task is a reason", () => {
  assertEquals(reason("b", [], false, LOG, 10), "standstill");
  assertEquals(reason("a", [], false, LOG, 10), null, "its end was known before");
});
