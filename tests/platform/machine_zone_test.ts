/** The zone of the machine, beside what the C library makes of the same TZ. */

import { join } from "@std/path";
import { parseDate, timeText, useLocalZone } from "../../src/platform/local_time.ts";
import { machineZone } from "../../src/platform/machine_zone.ts";
import { parseTzif } from "../../src/platform/tzif.ts";
import { UTC } from "../../src/platform/zone.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { tempDir } from "../support/temp.ts";

/**
 * Every six hours of three years, odd seconds too, and the edges of what 32 bits hold. Not before 1970:
 * glibc takes all rules in the form of POSIX for those of 1970 then.
 */
const INSTANTS: readonly number[] = [
  ...[0, 1_000_000_001, 2_147_483_647, 2_147_483_648, 3_000_000_000],
  ...Array.from({ length: 4 * 366 * 3 }, (_, index) => 1_767_225_600 + index * 21_600 - 1),
];

/** Offsets in seconds at INSTANTS, by date(1). */
async function offsetsOfLibc(tz: string): Promise<number[]> {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, INSTANTS.map((at) => `@${at}`).join("\n"));
  const { stdout } = await new Deno.Command("date", {
    args: ["-f", file, "+%::z"],
    env: { TZ: tz },
  }).output();
  await Deno.remove(file);
  return new TextDecoder().decode(stdout).trim().split("\n").map((text) => {
    const [hours = 0, minutes = 0, seconds = 0] = text.slice(1).split(":").map(Number);
    return (text.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
  });
}

for (
  const tz of [
    "",
    ":",
    "UTC",
    "JST-9",
    "<+03>-3",
    "<-0330>3:30",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "IST-1GMT0,M10.5.0,M3.5.0/1",
    "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "AAA3BBB,J60/1,J300",
    "AAA3BBB,59,299/1:30",
    "EST5EDT",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "America/Havana",
    "Africa/Casablanca",
    ":America/New_York",
    ":/usr/share/zoneinfo/Australia/Lord_Howe",
    "/usr/share/zoneinfo/Europe/Dublin",
  ]
) {
  Deno.test(`TZ="${tz}" is what it is for the C library`, async () => {
    const zone = machineZone(tz);
    const theirs = await offsetsOfLibc(tz);
    const different = INSTANTS.flatMap((at, index) => {
      const ours = zone.offsetAt(at * 1000) / 1000;
      return ours === theirs[index] ? [] : [`${at}: ${ours}, and ${theirs[index]} in libc`];
    });
    assertEquals(different.slice(0, 5), []);
  });
}

Deno.test("a TZ that means nothing is refused, where the C library takes UTC without a word", () => {
  for (
    const tz of ["Nonsense", "AAA", "Europe/Atlantis", ":/etc/passwd", "CET-1CEST,M13.5.0,M10.5.0"]
  ) {
    assertThrows(() => machineZone(tz), SyntaxError, `"${tz}"`);
  }
});

Deno.test("a zone has the name people know it by", () => {
  assertEquals(machineZone(":/usr/share/zoneinfo/Europe/Berlin").name, "Europe/Berlin");
  assertEquals(machineZone("JST-9").name, "JST-9");
  assertEquals(machineZone("").name, "UTC");
  assert(machineZone(undefined).name !== "");
});

Deno.test("files that were cut, or are something else, are no zones", async () => {
  await using dir = await tempDir();
  const whole = await Deno.readFile("/usr/share/zoneinfo/Europe/Berlin");
  for (const length of [0, 10, 43, 44, 100, 900]) {
    const path = join(dir.path, String(length));
    await Deno.writeFile(path, whole.slice(0, length));
    assertThrows(() => parseTzif(whole.slice(0, length)), SyntaxError);
    assertThrows(() => machineZone(`:${path}`), SyntaxError);
  }
});

Deno.test("local time is read and shown in one zone", () => {
  useLocalZone(machineZone("CET-1CEST,M3.5.0,M10.5.0/3"));
  try {
    assertEquals(timeText(Date.UTC(2026, 6, 1, 10, 0, 0, 7)), "2026-07-01 12:00:00.007");
    const at = (text: string) => {
      const found = parseDate(text);
      return found === null ? null : new Date(found).toISOString();
    };
    assertEquals(at("2026-12-24T18:00:00"), "2026-12-24T17:00:00.000Z");
    assertEquals(at("2026-07-24 18:00"), "2026-07-24T16:00:00.000Z");
    assertEquals(at("2026-07-24"), "2026-07-23T22:00:00.000Z");
    assertEquals(at("2026-07-24T18:00:00Z"), "2026-07-24T18:00:00.000Z");
    assertEquals(at("2026-07-24T18:00:00+0530"), "2026-07-24T12:30:00.000Z");
    // In the gap, and the first of two.
    assertEquals(at("2026-03-29T02:30"), "2026-03-29T01:30:00.000Z");
    assertEquals(at("2026-10-25T02:30"), "2026-10-25T00:30:00.000Z");
    for (const bad of ["2026-02-30", "2026-1-1", "tomorrow", "2026-07-24T25:00", "2026-07-24x"]) {
      assertEquals(at(bad), null, bad);
    }
  } finally {
    useLocalZone(UTC);
  }
});
