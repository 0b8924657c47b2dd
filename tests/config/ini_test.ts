import { readIni } from "../../src/config/ini.ts";
import { assertEquals } from "../support/assert.ts";

function pairs(text: string, section?: string): [string, string][] {
  return readIni(text, section).lines.map(({ key, value }) => [key, value]);
}

Deno.test("options repeat, and keep their order", () => {
  assertEquals(pairs("[uwsgi]\na = 1\nb = 2\na = 3\n"), [["a", "1"], ["b", "2"], ["a", "3"]]);
});

Deno.test("comments are whole lines; inside a value they are the value", () => {
  assertEquals(pairs("[uwsgi]\n; no\n# no\na = 1 # yes\n"), [["a", "1 # yes"]]);
});

Deno.test("a value may hold equals signs, and quotes mean nothing", () => {
  assertEquals(pairs('[uwsgi]\nenv = A="b=c"\n'), [["env", 'A="b=c"']]);
});

Deno.test("a bare key is a flag", () => {
  assertEquals(pairs("[uwsgi]\nmaster\n"), [["master", ""]]);
});

Deno.test("only the section that was asked for counts", () => {
  const text = "a = 0\n[uwsgi]\na = 1\n[other]\na = 2\n";
  assertEquals(pairs(text), [["a", "1"]]);
  assertEquals(pairs(text, "other"), [["a", "2"]]);
});

Deno.test("Windows line ends and a missing last newline do not matter", () => {
  assertEquals(pairs("[uwsgi]\r\na = 1\r\nb = 2"), [["a", "1"], ["b", "2"]]);
});

Deno.test("an entry knows its line", () => {
  assertEquals(readIni("\n[uwsgi]\n\na = 1").lines[0]?.line, 4);
});
