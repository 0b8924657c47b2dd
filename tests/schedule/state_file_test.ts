import { join } from "@std/path";
import { decodeRecords, encodeRecords, type JobRecord } from "../../src/schedule/record.ts";
import { readRecords, StateFile } from "../../src/schedule/state_file.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { makeGate } from "../support/processes.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

const NOW = Date.UTC(2026, 10, 23, 9, 30);
const record = (slotAt: number): JobRecord => ({ name: "job", slotAt, boot: "b", run: null });

function openAt(path: string, clock = new FakeClock(NOW)) {
  const warnings: string[] = [];
  const state = new StateFile({ path, clock, warn: (message) => warnings.push(message) });
  let waited = false;
  const open = () => state.open(() => waited = true);
  return { state, warnings, clock, open, waited: () => waited };
}

Deno.test("what is committed is there after a restart", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "deep", "cron-state");
  const first = openAt(path);
  await first.open();
  first.state.set("job", record(NOW));
  await first.state.commit();
  assertEquals(await readRecords(path), new Map([["job", record(NOW)]]));
  await first.state.close();
  const second = openAt(path);
  await second.open();
  assertEquals(second.state.get("job"), record(NOW));
  await second.state.close();
  assertEquals([first.warnings, second.warnings], [[], []]);
});

Deno.test("commits at the same time share their writes, and none is lost", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const { state, open } = openAt(path);
  await open();
  await Promise.all(Array.from({ length: 50 }, (_, i) => {
    state.set(`job${i}`, record(NOW + i));
    return state.commit();
  }));
  assertEquals((await readRecords(path)).size, 50);
  await state.close();
});

Deno.test("what can wait is written a second later, or at the end", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const { state, open, clock } = openAt(path);
  await open();
  state.set("job", record(NOW));
  state.saveSoon();
  state.saveSoon();
  assertEquals(clock.pending, 1);
  assertEquals((await readRecords(path)).size, 0);
  await state.close();
  assertEquals([(await readRecords(path)).size, clock.pending], [1, 0]);
});

Deno.test("a second program waits for the first, and then knows what it knew", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const first = openAt(path);
  await first.open();
  const second = openAt(path);
  const opening = second.open();
  while (second.clock.pending === 0) await new Promise((turn) => setTimeout(turn));
  second.clock.advance(1000);
  assertEquals(second.waited(), true);
  first.state.set("job", record(NOW));
  await first.state.close();
  await opening;
  assertEquals(second.state.get("job"), record(NOW));
  await second.state.close();
});

testWith("libc", "a stop while the file is being read leaves it as it is", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  await makeGate(path);
  // Says so when it has the pipe open, which is when it is read; and it is read until this ends.
  const writer = new Deno.Command("sh", {
    args: ["-c", 'exec 3> "$1"; echo reading; read -r end', "sh", path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const { state, open } = openAt(path);
  const opening = open();
  const said = writer.stdout.getReader();
  assertEquals(new TextDecoder().decode((await said.read()).value), "reading\n");
  await state.close();
  assert((await Deno.stat(path)).isFifo, "something was written in its place");
  await writer.stdin.close();
  await opening;
  await said.cancel();
  await writer.status;
});

Deno.test("a stop while another program has the file keeps it from nobody later", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const [first, second, third] = [openAt(path), openAt(path), openAt(path)];
  await first.open();
  first.state.set("job", record(NOW));
  const opening = second.open();
  while (second.clock.pending === 0) await new Promise((turn) => setTimeout(turn));
  await second.state.close();
  await first.state.close();
  await opening;
  await third.open();
  assertEquals(third.state.get("job"), record(NOW));
  await third.state.close();
});

Deno.test("a file that is damaged is said, and begun anew", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  await Deno.writeTextFile(path, '{"version":1,"jobs":{"a":{"name":');
  const { state, open, warnings } = openAt(path);
  await open();
  assertEquals([warnings.length, state.get("a")], [1, null]);
  assertStringIncludes(warnings[0] ?? "", "may repeat or miss a job");
  state.set("job", record(NOW));
  await state.close();
  assertEquals((await readRecords(path)).size, 1);
});

Deno.test("a place that cannot be written is said once, and jobs go on", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "file", "cron-state");
  await Deno.writeTextFile(join(dir.path, "file"), "in the way");
  const { state, open, warnings } = openAt(path);
  await open();
  state.set("job", record(NOW));
  await state.commit();
  await state.commit();
  assertEquals([warnings.length, state.get("job")], [1, record(NOW)]);
  await state.close();
});

Deno.test("a state that version 0.1 wrote is still read", async () => {
  const file = new URL("../fixtures/schedule/state-v1.json", import.meta.url);
  const records = await readRecords(file.pathname);
  assertEquals(records.get("backup")?.run?.result, "exit code 3");
  assertEquals(records.get("#3338764eb54ed875")?.run, null);
  assertEquals(decodeRecords(encodeRecords(records)), records);
});

Deno.test("what is no state, or of a later version, is refused", () => {
  assertThrows(() => decodeRecords("[]"), SyntaxError, "is not a state file");
  assertThrows(() => decodeRecords('{"version":2,"jobs":{}}'), SyntaxError, "version 2");
  const wrong = '{"version":1,"jobs":{"a":{"name":"a","slotAt":"now","boot":"b","run":null}}}';
  assertThrows(() => decodeRecords(wrong), SyntaxError, "a malformed record: a");
});

Deno.test("a job that has been gone for long is forgotten", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "cron-state");
  const old = record(NOW - 500 * 86_400_000);
  await Deno.writeTextFile(path, encodeRecords(new Map([["old", old], ["job", record(NOW)]])));
  const { state, open } = openAt(path);
  await open();
  assert(state.get("old") === null && state.get("job") !== null);
  await state.close();
});
