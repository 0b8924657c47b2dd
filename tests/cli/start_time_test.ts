import { parseStart } from "../../src/cli/start_time.ts";
import { UsageError } from "../../src/cli/error.ts";
import { useLocalZone } from "../../src/platform/local_time.ts";
import { UTC, zoneOf } from "../../src/platform/zone.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

/** 19:00 in Berlin, the day before clocks go forward. */
const NOW = Date.UTC(2026, 2, 28, 18, 0, 0, 500);

function inBerlin(body: () => void): void {
  useLocalZone(zoneOf("Europe/Berlin"));
  try {
    body();
  } finally {
    useLocalZone(UTC);
  }
}

const START: readonly (readonly [text: string, at: string])[] = [
  ["5m", "2026-03-28T18:05:00.500Z"],
  ["+90s", "2026-03-28T18:01:30.500Z"],
  ["1.5h", "2026-03-28T19:30:00.500Z"],
  ["2d", "2026-03-30T18:00:00.500Z"],
  ["20:15", "2026-03-28T19:15:00.000Z"],
  ["19:00", "2026-03-29T17:00:00.000Z"],
  ["9:05:07", "2026-03-29T07:05:07.000Z"],
  ["today 18:00", "2026-03-28T17:00:00.000Z"],
  ["tomorrow 09:00", "2026-03-29T07:00:00.000Z"],
  ["2026-12-24", "2026-12-23T23:00:00.000Z"],
  ["2026-12-24T18:00:00", "2026-12-24T17:00:00.000Z"],
  ["2026-12-24 18:00Z", "2026-12-24T18:00:00.000Z"],
  ["2028-02-29 00:00", "2028-02-28T23:00:00.000Z"],
  ["1795392000", "2026-11-23T00:00:00.000Z"],
];

Deno.test("a start is said as people say it, in local time", () => {
  inBerlin(() => {
    for (const [text, at] of START) {
      assertEquals(new Date(parseStart(text, NOW)).toISOString(), at, text);
    }
  });
});

Deno.test("a time that does not exist is refused, and so is what is no time", () => {
  inBerlin(() => {
    const bad = ["2026-02-30", "2026-02-29T10:00", "2026-13-01", "2026-04-31 12:00", "24:30"];
    for (const text of [...bad, "18:60", "tomorrow", "tomorrow 9", "5x", "", "soon", "-5m", "0m"]) {
      const error = assertThrows(() => parseStart(text, NOW), UsageError, "a time that exists");
      assertEquals(error.message.endsWith(`: "${text}"`), true, text);
    }
    for (const text of ["2026-03-29T02:30", "tomorrow 02:30:10", "2:30", "2026-03-29 02:59:59.5"]) {
      assertThrows(() => parseStart(text, NOW), UsageError, "clocks of Europe/Berlin skip");
    }
  });
});
