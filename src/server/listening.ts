/** A plain socket that is listened on: TCP, a unix socket file, or an abstract unix socket. */

import { listenUnix } from "../platform/unix_socket.ts";
import type { Libc } from "../platform/libc.ts";
import { openSockets } from "../platform/open_files.ts";
import { type Address, addressText, isAbstract } from "../wire/address.ts";
import type { SocketOwner } from "./socket_owner.ts";
import type { Credential } from "../wire/pickle_rule.ts";
import { adoptAt } from "./inherited_socket.ts";
import { Door, type DoorOptions } from "./door.ts";
import { isStaleSocket } from "./stale_socket.ts";
import { type PeerStream, plainStream } from "./stream.ts";

/** Something that connections come from. */
export interface Listening {
  /** With the port the system chose when it was asked to. */
  readonly address: string;
  /** Takes connections from now on; called once. */
  serve(guests: Guests): Serving;
}

/** What becomes of the connections of a socket. */
export interface Guests extends Omit<DoorOptions<PeerStream>, "accept"> {
  /** Called once, when its file was removed: nobody can connect any more. */
  readonly gone: () => void;
}

export interface Serving {
  /** Closes the socket; resolves when nothing of it is left but its connections. */
  close(): Promise<void>;
}

/** What holds for every socket. */
export interface SocketOptions {
  /** Connections that the system keeps waiting; capped by net.core.somaxconn. */
  readonly backlog: number;
  /** Permissions of unix socket files. */
  readonly mode: number;
  /** Null leaves the program's own. */
  readonly owner: SocketOwner | null;
  /** Null where it cannot be called: then the backlog is Deno's. */
  readonly libc: Libc | null;
  /** The file of a socket that was open: what is in its place by now is another program's. */
  readonly isAgain: boolean;
}

/** @throws {Deno.errors.AddrInUse} and others, when the address cannot be listened on */
export async function listenOn(address: Address, options: SocketOptions): Promise<Listening> {
  const adopted = adoptAt(address);
  if (adopted !== null) {
    const isFile = address.kind === "unix" && !isAbstract(address.path);
    return listening(adopted, addressText(address), isFile ? "permissions" : null);
  }
  if (address.kind === "tcp") {
    const open = () => Deno.listen({ hostname: address.host, port: address.port });
    const listener = withBacklog(open, options);
    const { hostname: host, port } = listener.addr;
    return listening(listener, addressText({ kind: "tcp", host, port }));
  }
  if (isAbstract(address.path)) {
    const open = () => Deno.listen({ transport: "unix", path: address.path });
    return listening(withBacklog(open, options), addressText(address));
  }
  return await listenOnFile(address.path, options);
}

async function listenOnFile(path: string, options: SocketOptions): Promise<Listening> {
  // One that a killed program left behind would be in the way.
  if (!options.isAgain && await isStaleSocket(path)) Deno.removeSync(path);
  const listener = withBacklog(() => listenUnix(path, options), options);
  return listening(listener, path, "permissions", fileOfSocket(path));
}

/** What holds for a socket that is a file. */
export interface SocketFile {
  /** Whether it is there; `replaced` is by another program. */
  state(): "there" | "replaced" | "gone";
  /** Some Denos remove the file when they close the socket, some do not. */
  afterClose(): void;
}

/** Of a socket that was just bound. */
export function fileOfSocket(path: string): SocketFile {
  const own = identityOf(Deno.lstatSync(path));
  return { state: () => stateOf(path, own), afterClose: () => removeOwn(path, own) };
}

/** The number of a file that was removed is soon another's; its time is when it was bound. */
function identityOf({ dev, ino, mtime }: Deno.FileInfo): string {
  return `${dev}:${ino}:${mtime?.getTime()}`;
}

const CHECK_FILE_MS = 1000;

export function listening(
  listener: Deno.Listener,
  address: string,
  credential: Credential = null,
  file: SocketFile | null = null,
): Listening {
  return {
    address,
    serve(guests) {
      const accept = async () => plainStream(await listener.accept(), credential);
      const door = new Door({ ...guests, accept });
      const unwatch = file === null ? () => {} : watchFile(file, guests);
      return {
        async close() {
          unwatch();
          const closed = door.close();
          listener.close();
          file?.afterClose();
          await closed;
        },
      };
    },
  };
}

/** So much of what a peer sends waits in the kernel, which doubles it: enough for 10 MB/s over 50 ms. */
export const RECEIVE_BYTES = 256 * 1024;

/**
 * Opens a socket and sets its backlog and its buffers, which Deno does not offer: listen(2) may be
 * called again.
 */
export function withBacklog<T extends Deno.Listener>(open: () => T, options: SocketOptions): T {
  const { libc, backlog } = options;
  const before = libc && openSockets();
  const listener = open();
  for (const [socket, fd] of libc ? openSockets() : []) {
    if (before?.has(socket)) continue;
    libc?.limitReceiveBuffers(fd, RECEIVE_BYTES);
    libc?.relisten(fd, backlog);
  }
  return listener;
}

/** A program that binds the path later (uWSGI removes what is in its way) gets what is sent there. */
export function watchFile(
  file: SocketFile,
  { clock, troubled, gone }: Pick<Guests, "clock" | "troubled" | "gone">,
): () => void {
  let wasReplaced = false;
  let cancel = clock.after(CHECK_FILE_MS, check);
  function check(): void {
    const state = file.state();
    if (state === "gone") return gone();
    const isReplaced = state === "replaced";
    if (isReplaced !== wasReplaced) troubled(isReplaced ? REPLACED : null);
    wasReplaced = isReplaced;
    cancel = clock.after(CHECK_FILE_MS, check);
  }
  return () => cancel();
}

const REPLACED = "another program replaced the socket and gets what is sent; stop one of the two";

function stateOf(path: string, own: string): ReturnType<SocketFile["state"]> {
  try {
    return identityOf(Deno.lstatSync(path)) === own ? "there" : "replaced";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "gone" : "there";
  }
}

/** A program started later may have put its own socket there. */
function removeOwn(path: string, own: string): void {
  try {
    if (identityOf(Deno.lstatSync(path)) === own) Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    // Made by root before it became somebody else: the next start takes its place.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}
