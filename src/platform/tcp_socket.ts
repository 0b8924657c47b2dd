/** TCP connections of this process that Deno itself cannot break off. */

import { openLibrary } from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import { quietly } from "./quietly.ts";
import { IP_NAME_SIZE, ipName } from "./socket_name.ts";

const SYMBOLS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const;

const SHUT_RDWR = 2;

const openCalls = (name: string) => Deno.dlopen(name, SYMBOLS);
type Opened = { opened: ReturnType<typeof openCalls> } | { unavailable: string };
/** Opened once and kept: machine code of a call that was compiled must not outlive its library. */
let library: Opened | null = null;

/**
 * Ends a connection in both directions, whatever waits for it; by its two ports, as Deno keeps the
 * descriptor to itself. Does nothing where libc cannot be called.
 */
export function breakOff(localPort: number, remotePort: number): void {
  library ??= Deno.build.os === "linux" ? openLibrary(openCalls) : { unavailable: "" };
  if ("unavailable" in library) return;
  const { getsockname, getpeername, shutdown } = library.opened.symbols;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (portOf(fd, getsockname) !== localPort || portOf(fd, getpeername) !== remotePort) continue;
    shutdown(fd, SHUT_RDWR);
  }
}

/**
 * Closes a connection; harmless when it is closed. While a write waits for a peer that reads nothing, Deno
 * keeps the socket open behind its close: one of TCP is broken off, one of unix waits for its peer.
 */
export function hangUp(connection: Deno.Conn, isWriting: boolean): void {
  const { localAddr, remoteAddr } = connection;
  if (isWriting && localAddr.transport === "tcp" && remoteAddr.transport === "tcp") {
    quietly(() => breakOff(localAddr.port, remoteAddr.port));
  }
  quietly(() => connection.close());
}

type NameCall = (
  fd: number,
  address: Uint8Array<ArrayBuffer>,
  length: Uint32Array<ArrayBuffer>,
) => number;

/** Null when it is no TCP socket, or not connected. */
function portOf(fd: number, nameOf: NameCall): number | null {
  const address = fixedBytes(IP_NAME_SIZE);
  const length = Uint32Array.of(IP_NAME_SIZE);
  if (nameOf(fd, address, length) !== 0) return null;
  return ipName(new DataView(address.buffer))?.port ?? null;
}
