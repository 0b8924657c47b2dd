/**
 * Sockets that a service manager has opened and handed to this process, as in sd_listen_fds(3): they
 * listen before the program runs, and while it is started again.
 */

import { O_NONBLOCK, openLibrary } from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import { NAME_SIZE, type SocketName, socketName } from "./socket_name.ts";

export interface InheritedSocket {
  readonly fd: number;
  /** `FileDescriptorName=` of its unit. */
  readonly name: string;
  readonly address: SocketName;
}

/** SD_LISTEN_FDS_START. */
const FIRST_FD = 3;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

const SYMBOLS = {
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const;

let known: readonly InheritedSocket[] | null | undefined;

/**
 * Null when no service manager has handed over any. Its variables are taken out of the environment, and
 * no child inherits the sockets.
 */
export function inheritedSockets(): readonly InheritedSocket[] | null {
  return known === undefined ? known = takeSockets() : known;
}

function takeSockets(): readonly InheritedSocket[] | null {
  const [pid, count, names] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].map((name) => {
    const value = Deno.env.get(name);
    Deno.env.delete(name);
    return value;
  });
  if (pid !== String(Deno.pid) || !count || !/^\d{1,4}$/.test(count)) return null;
  const library = openLibrary((name) => Deno.dlopen(name, SYMBOLS).symbols);
  if ("unavailable" in library) return null;
  const calls = library.opened;
  const named = names === undefined ? [] : names.split(":");
  return Array.from({ length: Number(count) }, (_, index) => {
    const fd = FIRST_FD + index;
    calls.fcntl(fd, F_SETFD, FD_CLOEXEC);
    // Whoever accepts must not wait for a connection that another process has taken.
    calls.fcntl(fd, F_SETFL, calls.fcntl(fd, F_GETFL, 0) | O_NONBLOCK);
    const bytes = fixedBytes(NAME_SIZE);
    const length = new Uint32Array(32).fill(NAME_SIZE, 0, 1);
    const failed = calls.getsockname(fd, bytes, length) !== 0;
    const address = failed ? null : socketName(bytes.subarray(0, length[0]));
    return address === null ? [] : [{ fd, name: named[index] ?? "", address }];
  }).flat();
}
