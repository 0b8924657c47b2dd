import { AnnouncementPace } from "../../src/server/announcement_pace.ts";
import { assertEquals } from "../support/assert.ts";

/** Announces all the time, with what has come meanwhile; how far the announcements are apart. */
function paces(tasksAMs: number): number[] {
  const pace = new AnnouncementPace();
  const apart: number[] = [];
  let now = 1000;
  pace.announced(now, 1);
  for (let n = 0; n < 5; n++) {
    const leftMs = pace.leftMs(now);
    now += leftMs;
    pace.announced(now, leftMs * tasksAMs);
    apart.push(leftMs);
  }
  return apart;
}

Deno.test("the first task, and each that comes after a while, is announced at once", () => {
  const pace = new AnnouncementPace();
  assertEquals(pace.leftMs(0), -Infinity);
  pace.announced(1000, 1);
  assertEquals(pace.leftMs(1000), 1);
  assertEquals(pace.leftMs(1010), -9);
});

Deno.test("when many come they are announced together, and no longer when few come again", () => {
  assertEquals(paces(1), [1, 1, 1, 1, 1]);
  assertEquals(paces(2), [1, 5, 5, 5, 5]);
  const pace = new AnnouncementPace();
  pace.announced(1000, 1);
  pace.announced(1001, 2);
  assertEquals(pace.leftMs(1001), 5);
  pace.announced(1006, 7);
  assertEquals(pace.leftMs(1006), 1);
});

Deno.test("two who are announced at once are not many", () => {
  const pace = new AnnouncementPace();
  pace.announced(1000, 1);
  pace.announced(1000.1, 1);
  assertEquals(pace.leftMs(1000.1), 1);
});
