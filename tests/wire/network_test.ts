import fc from "fast-check";
import { isInNetwork, isLoopback, parseIp, parseNetwork } from "../../src/wire/network.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const inside = (ip: string, network: string) => isInNetwork(ip, parseNetwork(network));

Deno.test("an address is in its network and in no other", () => {
  const yes: [string, string][] = [
    ["10.255.0.1", "10.0.0.0/8"],
    ["10.0.0.1", "10.0.0.1"],
    ["10.0.0.130", "10.0.0.128/25"],
    ["192.168.1.1", "0.0.0.0/0"],
    ["fd12::1", "fd00::/8"],
    ["::1", "::1"],
    ["2001:db8::ff:1", "2001:db8::/32"],
    ["fe80::1%eth0", "fe80::/10"],
  ];
  const no: [string, string][] = [
    ["11.0.0.1", "10.0.0.0/8"],
    ["10.0.0.127", "10.0.0.128/25"],
    ["fe00::1", "fd00::/8"],
    ["::2", "::1"],
    ["::1", "0.0.0.0/0"],
    ["nonsense", "0.0.0.0/0"],
    ["", "::/0"],
  ];
  for (const [ip, network] of yes) assert(inside(ip, network), `${ip} in ${network}`);
  for (const [ip, network] of no) assert(!inside(ip, network), `${ip} not in ${network}`);
});

Deno.test("an IPv4 address that comes mapped into IPv6 is the same address", () => {
  assert(inside("::ffff:10.1.2.3", "10.0.0.0/8"));
  assert(inside("::ffff:a01:203", "10.0.0.0/8"));
  assert(inside("10.1.2.3", "::ffff:10.0.0.0/104"));
  assert(!inside("::ffff:11.1.2.3", "10.0.0.0/8"));
});

Deno.test("every address is in the network of its own first bits, and loses it with one of them", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const quad = fc.tuple(octet, octet, octet, octet);
  fc.assert(fc.property(quad, fc.integer({ min: 1, max: 32 }), (address, bits) => {
    const value = address.reduce((sum, byte) => sum * 256 + byte, 0);
    const size = 2 ** (32 - bits);
    const text = (v: number) => [24, 16, 8, 0].map((by) => Math.floor(v / 2 ** by) % 256).join(".");
    const network = `${text(Math.floor(value / size) * size)}/${bits}`;
    const flipped = Math.floor(value / size) % 2 === 0 ? value + size : value - size;
    assert(inside(text(value), network));
    assert(!inside(text(flipped), network));
  }));
});

for (
  const text of ["", "any", "10.0.0.0/33", "fd00::/129", "10.0.0.1/8", "10.0.0", "1::2::3", "x/8"]
) {
  Deno.test(`"${text}" is no network`, () => {
    assertThrows(() => parseNetwork(text), SyntaxError);
  });
}

Deno.test("IPv6 is read in all its forms", () => {
  const bytes = (text: string) =>
    parseIp(text)?.map((b) => b.toString(16).padStart(2, "0")).join("");
  assertEquals(bytes("::"), "0".repeat(32));
  assertEquals(bytes("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  assertEquals(bytes("a::B"), `000a${"0".repeat(24)}000b`);
  for (
    const bad of [
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8:9",
      ":::",
      "g::",
      "1.2.3.4::",
    ]
  ) {
    assertEquals(parseIp(bad), null, bad);
  }
});

Deno.test("loopback is 127/8, ::1 and localhost", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) assert(isLoopback(host));
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "hub.example"]) assert(!isLoopback(host));
});
