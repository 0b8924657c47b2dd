/** What others have named never becomes a part of a page. */

import { escapeHtml, href, markup } from "../../src/web/html.ts";
import { shownBody } from "../../src/web/body.ts";
import { provenance, Tokens } from "../../src/web/guard.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("what is put into a template is text, whatever it looks like", () => {
  const name = `"><img src=x onerror='a()'>&amp;\`\u202e\x1b[31m`;
  const shown = "&quot;&gt;&lt;img src=x onerror=&#39;a()&#39;&gt;&amp;amp;&#96;\\u202e\\x1b[31m";
  assertEquals(escapeHtml(name), shown);
  assertEquals(
    markup`<a title="${name}">${[name, markup`<b>${1}</b>`, null]}</a>`.text,
    `<a title="${shown}">${shown}<b>1</b></a>`,
  );
});

Deno.test("a link leads to one place, whatever the names in it", () => {
  assertEquals(
    href(["tasks", "../..", "a/b?c#d", "\udcff"], { q: "a&b=c", none: null }),
    "/tasks/..%2F../a%2Fb%3Fc%23d/%5Cxff?q=a%26b%3Dc",
  );
});

Deno.test("a body is shown as what it is", () => {
  const of = (text: string | Uint8Array<ArrayBuffer>, size?: number) => {
    const bytes = Uint8Array.from(typeof text === "string" ? new TextEncoder().encode(text) : text);
    const { form, html: { text: shown }, left } = shownBody(
      bytes,
      size ?? bytes.length,
      null,
      (s) => s,
    );
    return [form, shown.replace(/^<pre[^>]*>|<\/pre>$/g, ""), left];
  };
  assertEquals(of(`{"a":"<b>"}`), ["json", `{\n  &quot;a&quot;: &quot;&lt;b&gt;&quot;\n}`, 0]);
  assertEquals(of("</pre>"), ["text", "&lt;/pre&gt;", 0]);
  assertEquals(of("\0ab"), ["hex", `00000000  ${"00 61 62".padEnd(47)}  .ab`, 0]);
  // The cut is in the middle of a character.
  assertEquals(of(new TextEncoder().encode("añ").slice(0, 2), 3), ["text", "a", 1]);
});

Deno.test("where a request comes from: its browser says so, or its Origin", () => {
  const of = (headers: Record<string, string>) =>
    provenance({ headers: new Map(Object.entries({ host: "127.0.0.1:9300", ...headers })) });
  const site = (value: string) => of({ "sec-fetch-site": value, origin: "http://127.0.0.1:9300" });
  assertEquals(["same-origin", "none", "same-site", "cross-site", "?"].map(site), [
    "own",
    "own",
    "foreign",
    "foreign",
    "foreign",
  ]);
  assertEquals(of({}), "unknown");
  assertEquals(of({ origin: "http://127.0.0.1:9300" }), "own");
  for (const origin of ["http://127.0.0.1:9301", "http://evil.example", "null", "127.0.0.1:9300"]) {
    assertEquals(of({ origin }), "foreign", origin);
  }
});

Deno.test("a token is one user's", () => {
  const tokens = new Tokens("one");
  const others = new Tokens("other");
  assertEquals(tokens.isOf("a", tokens.of("a")), true);
  for (const wrong of [tokens.of("b"), tokens.of(null), others.of("a"), "", null, "x".repeat(64)]) {
    assertEquals(tokens.isOf("a", wrong), false);
  }
});
