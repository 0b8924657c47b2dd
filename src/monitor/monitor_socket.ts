/** What both servers do with their addresses: a file that a killed program left, its mode, its end. */

import { listenUnix } from "../platform/unix_socket.ts";
import { isAbstract } from "../wire/address.ts";
import type { Address } from "../wire/address.ts";
import { fileOfSocket, type SocketFile } from "../server/listening.ts";
import type { SocketOwner } from "../server/socket_owner.ts";
import { isStaleSocket } from "../server/stale_socket.ts";

export interface MonitorAccess {
  /** Permissions of unix socket files. */
  readonly mode: number;
  readonly owner: SocketOwner | null;
}

/** Makes room for a socket file. @throws {Deno.errors.AddrInUse} when somebody has it */
export async function makeWay(address: Address): Promise<void> {
  if (address.kind !== "unix" || isAbstract(address.path)) return;
  if (await isStaleSocket(address.path)) Deno.removeSync(address.path);
}

/** @returns what removes the file in the end; null where there is no file */
export function fileAt(address: Address): SocketFile | null {
  return address.kind === "unix" && !isAbstract(address.path) ? fileOfSocket(address.path) : null;
}

export function listenAt(address: Address, access: MonitorAccess): Deno.Listener {
  if (address.kind === "tcp") return Deno.listen({ hostname: address.host, port: address.port });
  if (!isAbstract(address.path)) return listenUnix(address.path, access);
  return Deno.listen({ transport: "unix", path: address.path });
}
