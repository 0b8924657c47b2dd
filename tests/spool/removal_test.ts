import type { Stat } from "../../src/platform/stat.ts";
import { Removal } from "../../src/spool/removal.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { platform } from "../support/platform.ts";

const ME = 1000;
const OTHER = 1001;

interface Given {
  readonly isSticky: boolean;
  readonly dirOwner: number;
  readonly unwritable?: string;
  readonly me?: number;
}

function removal({ isSticky, dirOwner, unwritable, me = ME }: Given): Removal {
  const stat: Stat = {
    kind: "directory",
    size: 0,
    mtimeMs: 0,
    ctimeMs: 0,
    links: 2,
    uid: dirOwner,
    gid: 0,
    mode: isSticky ? 0o1777 : 0o755,
    device: "1:1",
    identity: "1:1:1:1",
  };
  const claims = Object.assign(Object.create(platform.claims), { lstat: () => stat });
  const clock = new FakeClock();
  return new Removal({ clock, claims, whyUnwritable: () => unwritable ?? null }, me);
}

Deno.test("in a sticky directory of another only own files can be removed", () => {
  const sticky = removal({ isSticky: true, dirOwner: OTHER });
  assertEquals(sticky.obstacle("/s", ME), null);
  assertMatch(
    sticky.obstacle("/s", OTHER) ?? "",
    /belongs to user 1001, and .s has the sticky bit/,
  );
  assert(!sticky.isFree("/s"));
});

Deno.test("the owner of a sticky directory, and root, may remove everything", () => {
  for (const given of [{ dirOwner: ME }, { dirOwner: OTHER, me: 0 }]) {
    const sticky = removal({ isSticky: true, ...given });
    assertEquals(sticky.obstacle("/s", OTHER), null);
    assert(sticky.isFree("/s"));
  }
});

Deno.test("a directory that cannot be written to keeps every task from running", () => {
  const readOnly = removal({ isSticky: false, dirOwner: ME, unwritable: "write to /s: EROFS" });
  assertMatch(readOnly.obstacle("/s", ME) ?? "", /could not remove it when it is done: .*EROFS/);
  assert(!readOnly.isFree("/s"));
});
