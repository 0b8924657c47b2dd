import { instantsOf, zoneOf } from "../../src/platform/zone.ts";
import { isoText, wallText } from "../../src/schedule/wall_text.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const HOUR_MS = 3_600_000;

Deno.test("a zone knows its offset at an instant", () => {
  const hours = (name: string, at: string) => zoneOf(name).offsetAt(Date.parse(at)) / HOUR_MS;
  assertEquals(hours("UTC", "2026-07-01T00:00Z"), 0);
  assertEquals(hours("Asia/Kathmandu", "2026-07-01T00:00Z"), 5.75);
  assertEquals(hours("America/New_York", "2026-07-01T00:00Z"), -4);
  assertEquals(hours("America/New_York", "2026-12-01T00:00Z"), -5);
  assertEquals(hours("Australia/Lord_Howe", "2026-07-01T00:00Z"), 10.5);
});

Deno.test("an unknown zone is refused", () => {
  assertThrows(() => zoneOf("Europe/Atlantis"), SyntaxError, "Europe/Berlin");
});

/** A wall time of a day, and the instants at which the zone's clock shows it. */
const INSTANTS: [string, string, string[]][] = [
  ["Europe/Berlin", "2026-11-23T09:30", ["2026-11-23T08:30Z"]],
  ["Europe/Berlin", "2026-03-29T01:59", ["2026-03-29T00:59Z"]],
  ["Europe/Berlin", "2026-03-29T02:00", []],
  ["Europe/Berlin", "2026-03-29T02:59", []],
  ["Europe/Berlin", "2026-03-29T03:00", ["2026-03-29T01:00Z"]],
  ["Europe/Berlin", "2026-10-25T02:00", ["2026-10-25T00:00Z", "2026-10-25T01:00Z"]],
  ["Europe/Berlin", "2026-10-25T03:00", ["2026-10-25T02:00Z"]],
  ["America/New_York", "2026-03-08T02:30", []],
  ["America/New_York", "2026-11-01T01:30", ["2026-11-01T05:30Z", "2026-11-01T06:30Z"]],
  ["Australia/Lord_Howe", "2026-10-04T02:15", []],
  ["Australia/Lord_Howe", "2026-10-04T02:30", ["2026-10-03T15:30Z"]],
  ["Australia/Lord_Howe", "2026-04-05T01:45", ["2026-04-04T14:45Z", "2026-04-04T15:15Z"]],
  ["Asia/Kathmandu", "2026-03-29T02:30", ["2026-03-28T20:45Z"]],
  // Midnight itself is in the gap.
  ["America/Havana", "2026-03-08T00:30", []],
];

for (const [name, wall, instants] of INSTANTS) {
  Deno.test(`${name} shows ${wall} ${instants.length} times`, () => {
    const at = Date.parse(`${wall}Z`);
    const zone = zoneOf(name);
    const found = instantsOf(at, zone.offsetsOfDay(Math.floor(at / (24 * HOUR_MS)) * 24 * HOUR_MS));
    assertEquals(found, instants.map((instant) => Date.parse(instant)));
  });
}

Deno.test("times are written with their zone's offset, for people and for machines", () => {
  const at = Date.parse("2026-11-23T09:05:00Z");
  assertEquals(wallText(at, zoneOf("Europe/Berlin")), "Mon 2026-11-23 10:05:00 +01:00");
  assertEquals(isoText(at + 250, zoneOf("Asia/Kathmandu")), "2026-11-23T14:50:00.250+05:45");
  assertEquals(wallText(at, zoneOf("America/New_York")), "Mon 2026-11-23 04:05:00 -05:00");
});
