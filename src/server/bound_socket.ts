/** A plain socket that listens, as a descriptor: for a loop that calls the system itself. */

import type { Libc } from "../platform/libc.ts";
import { EACCES, EADDRINUSE, ENOENT, EPERM } from "../platform/linux.ts";
import { openSockets } from "../platform/open_files.ts";
import { SystemError } from "../platform/libc_calls.ts";
import type { SocketCalls } from "../platform/socket_calls.ts";
import type { SocketName } from "../platform/socket_name.ts";
import { bindUnix } from "../platform/unix_socket.ts";
import { type Address, addressText, isAbstract } from "../wire/address.ts";
import type { Credential } from "../wire/pickle_rule.ts";
import {
  fileOfSocket,
  RECEIVE_BYTES,
  type SocketFile,
  type SocketOptions,
  withBacklog,
} from "./listening.ts";
import { inheritedAt } from "./inherited_socket.ts";
import { isStaleSocket } from "./stale_socket.ts";

export interface BoundSocket {
  readonly fd: number;
  /** With the port the system chose when it was asked to. */
  readonly address: string;
  readonly credential: Credential;
  /** Null of one that is no file. */
  readonly file: SocketFile | null;
}

export interface BindOptions extends SocketOptions {
  readonly libc: Libc;
  readonly calls: SocketCalls;
}

/** @throws {Deno.errors.AddrInUse} and others, when the address cannot be listened on */
export async function bindSocket(address: Address, options: BindOptions): Promise<BoundSocket> {
  const inherited = inheritedAt(address);
  if (inherited !== null) {
    // The service manager's own stays open, for the configuration after this one.
    const fd = options.calls.duplicate(inherited.fd);
    if (fd < 0) throw new SystemError("fcntl", "socket", -fd);
    const isFile = address.kind === "unix" && !isAbstract(address.path);
    const credential = isFile ? "permissions" : null;
    return { fd, address: addressText(address), credential, file: null };
  }
  if (address.kind === "tcp") {
    const { host: hostname, port } = address;
    const [fd, { hostname: host, port: chosen }] = duplicated(
      () => Deno.listen({ hostname, port }),
      options,
    );
    const text = addressText({ kind: "tcp", host, port: chosen });
    return { fd, address: text, credential: null, file: null };
  }
  const { path } = address;
  if (isAbstract(path)) {
    // Deno 2.4 does not say the name of one.
    const [fd] = duplicated(() => Deno.listen({ transport: "unix", path }), options, path);
    return { fd, address: addressText(address), credential: null, file: null };
  }
  return await bindFile(path, options);
}

/**
 * Deno finds the address and binds it; what it opened is duplicated and closed, so that its event loop is
 * not woken by each connection.
 */
function duplicated<T extends Deno.Addr>(
  open: () => Deno.Listener & { readonly addr: T },
  options: BindOptions,
  known?: string,
): [fd: number, addr: T] {
  const { libc, calls } = options;
  const before = openSockets();
  const listener = withBacklog(open, options);
  try {
    const name = known ?? nameOf(listener.addr);
    for (const [socket, fd] of openSockets()) {
      // Other threads open sockets, too.
      if (before.has(socket) || !libc.isListening(fd) || !isAt(calls.nameOf(fd), name)) continue;
      const own = calls.duplicate(fd);
      if (own < 0) throw new SystemError("fcntl", "socket", -own);
      return [own, listener.addr];
    }
    throw new Error("the socket that was opened is not there");
  } finally {
    listener.close();
  }
}

function isAt(socket: SocketName | null, name: number | string): boolean {
  return (socket?.kind === "tcp" ? socket.port : socket?.path) === name;
}

function nameOf(address: Deno.Addr): number | string {
  return "port" in address ? address.port : "path" in address ? address.path : "";
}

async function bindFile(path: string, options: BindOptions): Promise<BoundSocket> {
  const { calls, libc, backlog, isAgain } = options;
  // One that a killed program left behind would be in the way.
  if (!isAgain && await isStaleSocket(path)) Deno.removeSync(path);
  const fd = bindUnix(calls, path, options);
  if (fd < 0) throw bindError(path, -fd);
  libc.limitReceiveBuffers(fd, RECEIVE_BYTES);
  const listening = calls.listen(fd, backlog);
  if (listening < 0) {
    calls.close(fd);
    throw new SystemError("listen on", path, -listening);
  }
  return { fd, address: path, credential: "permissions", file: fileOfSocket(path) };
}

function bindError(path: string, errno: number): Error {
  const { message } = new SystemError("bind", path, errno);
  switch (errno) {
    case EADDRINUSE:
      return new Deno.errors.AddrInUse(message);
    case EACCES:
    case EPERM:
      return new Deno.errors.PermissionDenied(message);
    case ENOENT:
      return new Deno.errors.NotFound(message);
    default:
      return new SystemError("bind", path, errno);
  }
}
