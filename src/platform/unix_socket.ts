/**
 * Unix sockets that nobody else can connect to: not in the moment between bind and
 * chmod, whatever the umask, and not by a directory that another user has put there.
 */

import { AF_UNIX, openLibrary, SOL_SOCKET } from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import { NAME_SIZE, socketName } from "./socket_name.ts";
import type { SocketCalls } from "./socket_calls.ts";

export interface SocketAccess {
  readonly mode: number;
  /** Null leaves the program's own; a null group leaves that. */
  readonly owner: { readonly uid: number; readonly gid: number | null } | null;
}

/** Only the owner may connect until the socket is given away. */
const OWNERS_MODE = 0o600;
/** Deno binds and listens in one step: others must be kept out before there is a socket. */
const UMASK = 0o777 & ~OWNERS_MODE;

/** @throws {Deno.errors} when the socket cannot be made, or not given away */
export function listenUnix(path: string, access: SocketAccess): Deno.UnixListener {
  const umask = Deno.umask(UMASK);
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } finally {
    Deno.umask(umask);
  }
  try {
    giveAway(path, access);
    return listener;
  } catch (error) {
    listener.close();
    throw error;
  }
}

/**
 * Like {@link listenUnix}, as a descriptor that does not listen yet; -errno when it cannot be bound.
 *
 * @throws {Deno.errors} when it cannot be given away
 */
export function bindUnix(calls: SocketCalls, path: string, access: SocketAccess): number {
  const name = new TextEncoder().encode(path);
  const address = fixedBytes(ADDRESS_SIZE);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, PATH_AT);
  const fd = calls.create(AF_UNIX);
  if (fd < 0) return fd;
  // Not by a umask: that is all threads', and others make files meanwhile. Where the system does not take the
  // mode from the socket, nobody can connect to one that does not listen.
  calls.setMode(fd, OWNERS_MODE);
  const bound = calls.bind(fd, address, PATH_AT + name.length + 1);
  if (bound < 0) {
    calls.close(fd);
    return bound;
  }
  try {
    giveAway(path, access);
    return fd;
  } catch (error) {
    calls.close(fd);
    Deno.removeSync(path);
    throw error;
  }
}

function giveAway(path: string, { mode, owner }: SocketAccess): void {
  if (owner !== null) Deno.chownSync(path, owner.uid, owner.gid);
  Deno.chmodSync(path, mode);
}

/**
 * A socket for processes of one user alone.
 *
 * @param uid null is this user
 */
export function listenPrivately(path: string, uid: number | null = null): Deno.UnixListener {
  return listenUnix(path, { mode: 0o600, owner: uid === null ? null : { uid, gid: null } });
}

/**
 * The next connection of a private socket whose other end is a process of its user, or of root; others
 * are hung up on. To be called for one connection after the other.
 */
export async function acceptOwn(
  listener: Deno.UnixListener,
  owner: number | null = null,
): Promise<Deno.UnixConn> {
  const { path } = listener.addr as Deno.UnixAddr;
  while (true) {
    const connection = await listener.accept();
    const isKnown = (uid: number) => uid === (owner ?? Deno.uid()) || uid === 0;
    if (peersOf(path).every(isKnown)) return connection;
    connection.close();
  }
}

/** For directories with files of another user's, each for that user alone. */
export const PASSABLE = 0o711;
/** For directories that only this user may enter. */
export const PRIVATE = 0o700;

/**
 * Makes a directory that only this user may list and write to, or takes one that is there and like that.
 *
 * @param mode whether others may pass through it
 * @returns false when somebody else's is in its place, a symlink perhaps
 */
export function ensurePrivateDirectory(
  path: string,
  mode: typeof PRIVATE | typeof PASSABLE = PRIVATE,
): boolean {
  try {
    Deno.mkdirSync(path);
    // A umask may take rights from its owner, too.
    Deno.chmodSync(path, mode);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { isDirectory, uid, mode: found } = Deno.lstatSync(path);
  return isDirectory && uid === Deno.uid() && ((found ?? 0) & 0o077 & ~mode) === 0;
}

const SYMBOLS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const;

const SO_PEERCRED = 17;
/** struct sockaddr_un: the family, and a path of 108 bytes. */
const ADDRESS_SIZE = 110;
const PATH_AT = 2;
/** struct ucred: pid, uid, gid. */
const CREDENTIALS_SIZE = 12;
const UID_AT = 4;
/** The uid of a socket that is not connected. */
const NOBODY = 0xffffffff;

/** The users at the other ends of a unix socket's connections; none where that cannot be asked. */
function peersOf(path: string): number[] {
  const calls = Deno.build.os === "linux"
    ? openLibrary((name) => Deno.dlopen(name, SYMBOLS))
    : { unavailable: "" };
  if ("unavailable" in calls) return [];
  using library = { ...calls.opened, [Symbol.dispose]: () => calls.opened.close() };
  const { getsockname, getsockopt } = library.symbols;
  const address = fixedBytes(NAME_SIZE);
  const credentials = new DataView(new ArrayBuffer(CREDENTIALS_SIZE));
  const length = new Uint32Array(1);
  const uids: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    length[0] = NAME_SIZE;
    if (getsockname(fd, address, length) !== 0) continue;
    const bound = socketName(address.subarray(0, length[0]));
    if (bound?.kind !== "unix" || bound.path !== path) continue;
    length[0] = CREDENTIALS_SIZE;
    const bytes = new Uint8Array(credentials.buffer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, bytes, length) !== 0) continue;
    const uid = credentials.getUint32(UID_AT, true);
    if (uid !== NOBODY) uids.push(uid);
  }
  return uids;
}
