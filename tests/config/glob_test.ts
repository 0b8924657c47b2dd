import { glob, GLOB_MAX_MATCHES } from "../../src/config/glob.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { fakeHost } from "../support/config_host.ts";

const host = fakeHost({
  files: {
    "/srv/a.ini": "",
    "/srv/b.ini": "",
    "/srv/c.txt": "",
    "/srv/.hidden.ini": "",
    "/srv/x[1].ini": "",
    "/srv/sub/d.ini": "",
    "/srv/sub2/e.ini": "",
  },
});
const found = (pattern: string) =>
  glob(pattern, host, (path) => path.startsWith("/") ? path : `/srv/${path}`);

const PATTERNS: [string, string[]][] = [
  ["*.ini", ["a.ini", "b.ini", "x[1].ini"]],
  ["/srv/?.ini", ["/srv/a.ini", "/srv/b.ini"]],
  ["[!a].ini", ["b.ini"]],
  ["[a-b].ini", ["a.ini", "b.ini"]],
  ["x\\[1\\].ini", ["x[1].ini"]],
  [".h*", [".hidden.ini"]],
  ["sub*", ["sub/", "sub2/"]],
  ["sub*/*.ini", ["sub/d.ini", "sub2/e.ini"]],
  ["c.txt", ["c.txt"]],
  ["nothing*", ["nothing*"]],
];

for (const [pattern, paths] of PATTERNS) {
  Deno.test(`glob ${pattern}`, () => assertEquals(found(pattern), paths));
}

Deno.test("a pattern that matches everything there is ends in an error", () => {
  const many = {
    ...host,
    list: () => Array.from({ length: GLOB_MAX_MATCHES + 1 }, (_, i) => `${i}`),
  };
  assertThrows(() => glob("*", many, (path) => path), RangeError, "more than");
});
