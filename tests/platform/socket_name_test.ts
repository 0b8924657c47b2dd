/** Addresses of sockets as the kernel writes them. */

import { type SocketName, socketName } from "../../src/platform/socket_name.ts";
import { assertEquals } from "../support/assert.ts";

const hex = (text: string) =>
  Uint8Array.from(text.match(/[\da-f]{2}/g) ?? [], (digits) => parseInt(digits, 16));
const tcp = (host: string, port: number): SocketName => ({ kind: "tcp", host, port });
const unix = (path: string): SocketName => ({ kind: "unix", path });

const PORT = "0bd7";
const NAMES: readonly (readonly [string, string, SocketName | null])[] = [
  ["IPv4", `0200 ${PORT} 7f000001 0000000000000000`, tcp("127.0.0.1", 3031)],
  [
    "IPv6",
    `0a00 ${PORT} 00000000 20010db8000000000000000000000001 00000000`,
    tcp("2001:db8::1", 3031),
  ],
  ["every IPv6", `0a00 ${PORT} 00000000 ${"00".repeat(16)} 00000000`, tcp("::", 3031)],
  [
    "the longest run of zeros",
    `0a00 ${PORT} 00000000 00010000000200000000000000030004 00000000`,
    tcp("1:0:2::3:4", 3031),
  ],
  [
    "a single zero",
    `0a00 ${PORT} 00000000 00010002000300000005000600070008 00000000`,
    tcp("1:2:3:0:5:6:7:8", 3031),
  ],
  [
    "IPv4 in IPv6",
    `0a00 ${PORT} 00000000 00000000000000000000ffff0a010203 00000000`,
    tcp("::ffff:10.1.2.3", 3031),
  ],
  ["a path", "0100 2f746d702f7300", unix("/tmp/s")],
  ["a path that fills its room", "0100 2f746d702f73", unix("/tmp/s")],
  ["an abstract name", "0100 0061006200", unix("\0a\0b\0")],
  ["no name", "0100", unix("")],
  ["another family", "1000 0000 0000", null],
];

for (const [what, bytes, name] of NAMES) {
  Deno.test(`the name of a socket: ${what}`, () => {
    assertEquals(socketName(hex(bytes)), name);
  });
}
