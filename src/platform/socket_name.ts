/** Addresses of sockets as the kernel writes them: struct sockaddr. @pure */

import { AF_INET, AF_INET6, AF_UNIX } from "./linux.ts";

export interface IpName {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
}

/** Where a socket listens, or is connected to. */
export type SocketName =
  | IpName
  /** With a NUL in front of an abstract name; empty without a name. */
  | { readonly kind: "unix"; readonly path: string };

/** struct sockaddr_storage: room for every name. */
export const NAME_SIZE = 128;
/** struct sockaddr_in6: room for those by IP. */
export const IP_NAME_SIZE = 28;

const PORT_AT = 2;
const IPV4_AT = 4;
const IPV6_AT = 8;
const PATH_AT = 2;

/**
 * What a sockaddr says; null for a family that no task can come by.
 *
 * @param bytes as many as the kernel has written
 */
export function socketName(bytes: Uint8Array<ArrayBuffer>): SocketName | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(0, true) !== AF_UNIX) return ipName(view);
  const name = bytes.subarray(PATH_AT);
  // An abstract name ends with the address, a path with a NUL.
  const end = name[0] === 0 ? -1 : name.indexOf(0);
  const path = new TextDecoder().decode(end === -1 ? name : name.subarray(0, end));
  return { kind: "unix", path };
}

/** The same of a socket by IP alone; null for another. */
export function ipName(view: DataView): IpName | null {
  const family = view.getUint16(0, true);
  if (family !== AF_INET && family !== AF_INET6) return null;
  const host = family === AF_INET ? ipv4Text(view, IPV4_AT) : ipv6Text(view);
  return { kind: "tcp", host, port: view.getUint16(PORT_AT) };
}

function ipv4Text(view: DataView, at: number): string {
  const byte = (n: number) => view.getUint8(at + n);
  return `${byte(0)}.${byte(1)}.${byte(2)}.${byte(3)}`;
}

/** As inet_ntop(3) has it. */
function ipv6Text(view: DataView): string {
  const words = Array.from({ length: 8 }, (_, n) => view.getUint16(IPV6_AT + 2 * n));
  const isMapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (isMapped) return `::ffff:${ipv4Text(view, IPV6_AT + 12)}`;
  let [start, length] = [-1, 1];
  for (let from = 0; from < 8; from++) {
    let end = from;
    while (end < 8 && words[end] === 0) end++;
    if (end - from > length) [start, length] = [from, end - from];
  }
  const text = (part: readonly number[]) => part.map((word) => word.toString(16)).join(":");
  if (start < 0) return text(words);
  return `${text(words.slice(0, start))}::${text(words.slice(start + length))}`;
}
