import { jsonLine } from "../../src/report/safe_text.ts";
import { asText, cutText, jsonBytes, safeBytes } from "../../src/report/shown_bytes.ts";
import { safeText } from "../../src/report/safe_text.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("what acts on a terminal is made visible", () => {
  assertEquals(safeText("a\x1b[31m\r\n\t\x07"), "a\\x1b[31m\\x0d\\x0a\\x09\\x07");
  assertEquals(safeText("\x9b31m\x7f\u202etxt.exe\u2028"), "\\x9b31m\\x7f\\u202etxt.exe\\u2028");
  assertEquals(safeText("Grüße, 世界 🎉"), "Grüße, 世界 🎉");
  assertEquals(safeText("\ud800"), "\ufffd");
});

Deno.test("bytes that are no UTF-8 show as bytes", () => {
  assertEquals(safeBytes(Uint8Array.of(0x61, 0xff, 0x0a, 0x7e)), "a\\xff\\x0a~");
  assertEquals(safeBytes(new TextEncoder().encode("ü\n")), "ü\\x0a");
});

Deno.test("bytes reach JSON as they are", () => {
  assertEquals(jsonBytes("value", new TextEncoder().encode("ü")), { value: "ü" });
  assertEquals(jsonBytes("value", Uint8Array.of(0x80, 1)), { valueBase64: "gAE=" });
  const withMark = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
  assertEquals(asText(withMark), "\ufeffa");
});

Deno.test("a line of JSON is harmless on a terminal and parses to what it was", () => {
  const value = { text: 'a\x1b\x9b"\\\u202e\n' };
  const line = jsonLine(value);
  assertEquals(line, '{"text":"a\\u001b\\u009b\\"\\\\\\u202e\\n"}');
  assertEquals(JSON.parse(line), value);
});

Deno.test("long text is cut, and says so", () => {
  assertEquals([cutText("abc", 3), cutText("abcd", 3)], ["abc", "ab…"]);
});
