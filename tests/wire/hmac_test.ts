import { createHmac } from "node:crypto";
import fc from "fast-check";
import { hmacSha256, isSameDigest } from "../../src/wire/hmac.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("HMAC-SHA256 is the one of RFC 4231", () => {
  const jefe = hmacSha256("Jefe", new TextEncoder().encode("what do ya want for nothing?"));
  assertEquals(jefe, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});

Deno.test("HMAC-SHA256 is that of node:crypto, for keys and messages of any length", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(fc.property(fc.string({ maxLength: 200 }), bytes, bytes, (secret, one, other) => {
    const expected = createHmac("sha256", secret).update(one).update(other).digest("hex");
    assertEquals(hmacSha256(secret, one, other), expected);
  }));
});

Deno.test("digests are the same when each digit is, and nothing else is a digest", () => {
  const digest = hmacSha256("secret");
  assert(isSameDigest(digest, digest));
  assert(!isSameDigest(digest, hmacSha256("other")));
  assert(!isSameDigest("", ""));
  assert(!isSameDigest(digest.toUpperCase(), digest.toUpperCase()));
});
