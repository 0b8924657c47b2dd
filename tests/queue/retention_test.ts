import { join } from "@std/path";
import { Retention, retentionWaitMs } from "../../src/queue/retention.ts";
import type { Event } from "../../src/report/event.ts";
import { eventText } from "../../src/report/log.ts";
import type { TaskRef } from "../../src/spool/layout.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";
import { claimNow, openStore } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";

const MINUTE_MS = 60_000;
const MAX_AGE_MS = 15 * MINUTE_MS;

/** Lets time pass, second by second, until `isOver`. */
async function turnUntil(clock: FakeClock, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

function failedIn(dir: string): string[] {
  const names: string[] = [];
  for (const sub of ["failed", "failed/3"]) {
    for (const { name, isFile } of Deno.readDirSync(join(dir, sub))) if (isFile) names.push(name);
  }
  return names.toSorted();
}

Deno.test("what has been in failed/ for too long is removed, logged and counted; the rest stays", async () => {
  await using temp = await tempDir();
  const dir = join(temp.path, "spool");
  const clock = new FakeClock(Date.now() + MINUTE_MS);
  const store = await openStore(dir, clock);
  const fail = async (priority?: number): Promise<TaskRef> => {
    const ref = await store.put({ vars: [], ...(priority === undefined ? {} : { priority }) });
    store.fail(claimNow(store, ref), "exit code 65", null);
    return ref;
  };
  const first = [await fail(), await fail(3)];
  const held = await fail();
  const waiting = await store.put({ vars: [] });
  clock.advance(10 * MINUTE_MS);
  const second = await fail();
  // A person put it there, without a record: it counts from now, the real now, on.
  const plain = "uwsgi_spoolfile_on_by_hand";
  await Deno.writeTextFile(join(dir, "failed", plain), "");

  const claim = platform.claims.claim(join(dir, "failed", held.name), Infinity);
  assert(claim.kind === "claimed");
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const retention = new Retention({ name: "mail", store, maxAgeMs: MAX_AGE_MS, clock, emit });

  const checks = () => events.filter(({ type }) => type === "spool.expired").length;
  const expired = () => events.flatMap((event) => event.type === "task.expired" ? event.task : []);

  let started = false;
  retention.start().then(() => started = true);
  await turnUntil(clock, () => started);
  assertEquals(events, []);

  clock.advance(6 * MINUTE_MS);
  await turnUntil(clock, () => checks() === 1);
  assertEquals(expired().toSorted(), [...first.map(({ name }) => name), plain].toSorted());
  const record = (name: string) => `${name}.json`;
  const kept = [held.name, record(held.name), second.name, record(second.name)];
  assertEquals(failedIn(dir), kept.toSorted());
  assertEquals(events.at(-1), { type: "spool.expired", spool: "mail", removed: 3 });
  assert(events.every((event) => eventText(event).includes("removed from failed/")));

  claim.release();
  clock.advance(12 * MINUTE_MS);
  await turnUntil(clock, () => expired().length === 5);
  assertEquals(failedIn(dir), []);
  assert(store.see(waiting) !== null);
  let stopped = false;
  retention.stop().then(() => stopped = true);
  await turnUntil(clock, () => stopped);
  assertEquals(clock.pending, 0);
});

Deno.test("checks are a tenth of the age apart, an hour at most, a second at least", () => {
  assertEquals([5000, 600_000, 30 * 86_400_000].map(retentionWaitMs), [1000, 60_000, 3_600_000]);
});
