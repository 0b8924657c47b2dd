import { type Address, addressText, parseAddress, uwsgiTwin } from "../../src/wire/address.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const GOOD: [string, Address][] = [
  ["127.0.0.1:3031", { kind: "tcp", host: "127.0.0.1", port: 3031 }],
  [":3031", { kind: "tcp", host: "0.0.0.0", port: 3031 }],
  ["[::1]:0", { kind: "tcp", host: "::1", port: 0 }],
  ["hub.example:1", { kind: "tcp", host: "hub.example", port: 1 }],
  ["/run/a:b.sock", { kind: "unix", path: "/run/a:b.sock" }],
  ["a.sock", { kind: "unix", path: "a.sock" }],
  ["@name", { kind: "unix", path: "\0name" }],
];

for (const [text, address] of GOOD) {
  Deno.test(`${text} is an address`, () => assertEquals(parseAddress(text), address));
}

for (
  const text of [
    "",
    "localhost:",
    "localhost:http",
    "localhost:65536",
    "::1:80",
    "@",
    "/" + "x".repeat(107),
  ]
) {
  Deno.test(`"${text}" is no address`, () => {
    assertThrows(() => parseAddress(text), SyntaxError);
  });
}

Deno.test("an abstract unix socket is printed as it is written", () => {
  assertEquals(addressText(parseAddress("@name")), "@name");
});

Deno.test("an IPv6 address is printed in brackets", () => {
  assertEquals(addressText({ kind: "tcp", host: "::1", port: 80 }), "[::1]:80");
});

Deno.test("uWSGI has a NUL behind an abstract name", () => {
  const twin = uwsgiTwin(parseAddress("@name"));
  assertEquals(twin, { kind: "unix", path: "\0name\0" });
  assertEquals(twin && addressText(twin), "@name");
  assertEquals(uwsgiTwin(parseAddress("/run/x.sock")), null);
  assertEquals(uwsgiTwin(parseAddress("127.0.0.1:1")), null);
});
