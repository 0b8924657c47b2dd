/**
 * Calls of libc about sockets, for a loop that asks the system itself what there is to do. They return an
 * errno as a negative number. Sizes are declared as 32 bits, which are passed with zeros above them:
 * `isize` comes back as number or BigInt, which makes V8 give up its optimised code, and `usize` takes a
 * BigInt, which costs twice as much.
 */

import { errnoReader } from "./errno.ts";
import { openSymbols } from "./symbols.ts";
import { getSystemErrorName } from "node:util";
import { SystemError } from "./libc_calls.ts";
import {
  EINTR,
  EPOLL_CTL_ADD,
  EPOLL_DATA_AT,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  openLibrary,
} from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import {
  IP_NAME_SIZE,
  type IpName,
  ipName,
  NAME_SIZE,
  type SocketName,
  socketName,
} from "./socket_name.ts";

const SYMBOLS = {
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  epollWaitLater: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  nice: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EFD_FLAGS = 0o2004000;
const SOCK_FLAGS = 0o2004000;
const SHUT_WR = 1;
const F_DUPFD_CLOEXEC = 1030;
const EVENT_SIZE = EPOLL_DATA_AT + 8;
/** Steps of nice(1): three times the share of a thread that has none. */
const FIRST_BY = 5;
/** How many descriptors one wait reports at most. */
const MOST_EVENTS = 256;

/** What is ready, as `epoll_wait` writes it. */
export class ReadyList {
  readonly bytes = fixedBytes(MOST_EVENTS * EVENT_SIZE);
  readonly #view = new DataView(this.bytes.buffer);

  events(index: number): number {
    return this.#view.getUint32(index * EVENT_SIZE, true);
  }

  fd(index: number): number {
    return this.#view.getUint32(index * EVENT_SIZE + EPOLL_DATA_AT, true);
  }

  /** The number that the descriptor was added with. */
  tag(index: number): number {
    return this.#view.getUint32(index * EVENT_SIZE + EPOLL_DATA_AT + 4, true);
  }
}

export class SocketCalls {
  readonly #symbols;
  readonly #event = fixedBytes(EVENT_SIZE);
  readonly #eventView = new DataView(this.#event.buffer);
  readonly #peer = fixedBytes(IP_NAME_SIZE);
  readonly #peerView = new DataView(this.#peer.buffer);
  readonly #peerSize = new Uint32Array(new ArrayBuffer(4));
  readonly #counter = fixedBytes(8);
  readonly #counterView = new DataView(this.#counter.buffer);
  readonly #errno: () => number;

  /** For one thread: each has an errno of its own. */
  constructor(library: string) {
    this.#symbols = openSymbols(library, SYMBOLS);
    this.#errno = errnoReader(this.#symbols.__errno_location);
  }

  #result(returned: number): number {
    return returned < 0 ? -this.#errno() : returned;
  }

  createPoll(): number {
    return this.#result(this.#symbols.epoll_create1(EPOLL_CLOEXEC));
  }

  /** @param tag comes back with each event, so that those of an earlier use of its number are known */
  addToPoll(poll: number, fd: number, events: number, tag: number): number {
    return this.#control(poll, EPOLL_CTL_ADD, fd, events, tag);
  }

  changeInPoll(poll: number, fd: number, events: number, tag: number): number {
    return this.#control(poll, EPOLL_CTL_MOD, fd, events, tag);
  }

  removeFromPoll(poll: number, fd: number): number {
    return this.#control(poll, EPOLL_CTL_DEL, fd, 0, 0);
  }

  #control(poll: number, operation: number, fd: number, events: number, tag: number): number {
    this.#eventView.setUint32(0, events, true);
    this.#eventView.setUint32(EPOLL_DATA_AT, fd, true);
    this.#eventView.setUint32(EPOLL_DATA_AT + 4, tag, true);
    return this.#result(this.#symbols.epoll_ctl(poll, operation, fd, this.#event));
  }

  /**
   * This thread gets a core before others that want one, as nice(1) has it; where only root may, nothing
   * changes.
   */
  comeFirst(): void {
    this.#symbols.nice(-FIRST_BY);
  }

  /** Waits for what is ready, on this thread. Returns how many; 0 after the time, or a signal. */
  wait(poll: number, ready: ReadyList, timeoutMs: number): number {
    const count = this.#symbols.epoll_wait(poll, ready.bytes, MOST_EVENTS, timeoutMs);
    return Math.max(0, count);
  }

  /** The same on another thread. */
  async waitLater(poll: number, ready: ReadyList, timeoutMs: number): Promise<number> {
    const count = await this.#symbols.epollWaitLater(poll, ready.bytes, MOST_EVENTS, timeoutMs);
    return Math.max(0, count);
  }

  /** A descriptor that another thread can wake a poll with. */
  createSignal(): number {
    return this.#result(this.#symbols.eventfd(0, EFD_FLAGS));
  }

  raiseSignal(fd: number): void {
    this.#counterView.setBigUint64(0, 1n, true);
    this.#symbols.write(fd, this.#counter, 8);
  }

  /** How often it was raised since this was asked last. */
  takeSignal(fd: number): number {
    const count = this.#symbols.read(fd, this.#counter, 8);
    return count === 8 ? Number(this.#counterView.getBigUint64(0, true)) : 0;
  }

  /** A new stream socket. */
  create(family: number): number {
    return this.#result(this.#symbols.socket(family, 1 | SOCK_FLAGS, 0));
  }

  /** Of the file that it gets when it is bound: Linux takes it from the socket, less the umask. */
  setMode(fd: number, mode: number): number {
    return this.#result(this.#symbols.fchmod(fd, mode));
  }

  bind(fd: number, address: Uint8Array<ArrayBuffer>, length: number): number {
    return this.#result(this.#symbols.bind(fd, address, length));
  }

  listen(fd: number, backlog: number): number {
    return this.#result(this.#symbols.listen(fd, backlog));
  }

  /** The next connection that waits; -EAGAIN when none does. */
  accept(fd: number): number {
    this.#peerSize[0] = IP_NAME_SIZE;
    return this.#result(this.#symbols.accept4(fd, this.#peer, this.#peerSize, SOCK_FLAGS));
  }

  /** Who is at the other end of what {@link accept} returned last; null for a unix socket. */
  acceptedPeer(): IpName | null {
    return ipName(this.#peerView);
  }

  /** Fills a part of `into`; 0 at the end of what the peer sends. */
  receive(fd: number, into: Uint8Array<ArrayBuffer>): number {
    while (true) {
      const count = this.#symbols.recv(fd, into, into.length, MSG_DONTWAIT);
      if (count >= 0) return count;
      const errno = this.#errno();
      if (errno !== EINTR) return -errno;
    }
  }

  /** Sends a part of the bytes, as far as there is room. */
  send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    while (true) {
      const count = this.#symbols.send(fd, bytes, bytes.length, flags);
      if (count >= 0) return count;
      const errno = this.#errno();
      if (errno !== EINTR) return -errno;
    }
  }

  closeWrite(fd: number): number {
    return this.#result(this.#symbols.shutdown(fd, SHUT_WR));
  }

  /** What a socket is bound to; null for what is no socket. */
  nameOf(fd: number): SocketName | null {
    const bytes = fixedBytes(NAME_SIZE);
    const length = new Uint32Array(new ArrayBuffer(4)).fill(NAME_SIZE);
    if (this.#symbols.getsockname(fd, bytes, length) !== 0) return null;
    return socketName(bytes.subarray(0, length[0]));
  }

  /** Another descriptor of the same file. */
  duplicate(fd: number): number {
    return this.#result(this.#symbols.fcntl(fd, F_DUPFD_CLOEXEC, 3));
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }
}

const { ConnectionAborted, ConnectionReset, BrokenPipe, TimedOut } = Deno.errors;
const KINDS: Readonly<Record<string, new (message: string) => Error>> = {
  ECONNABORTED: ConnectionAborted,
  ECONNRESET: ConnectionReset,
  EPIPE: BrokenPipe,
  ETIMEDOUT: TimedOut,
};

/** What a call that returned -errno has to say, as Deno's own would. */
export function socketError(call: string, errno: number): Error & { readonly code: string } {
  const code = getSystemErrorName(-errno);
  const Kind = KINDS[code];
  const { message } = new SystemError(call, "socket", errno);
  const error = Kind === undefined ? new SystemError(call, "socket", errno) : new Kind(message);
  return Object.assign(error, { code });
}

let loaded: SocketCalls | null | undefined;

/** Those of this thread; null where libc cannot be called. */
export function socketCalls(): SocketCalls | null {
  if (loaded !== undefined) return loaded;
  const library = Deno.build.os === "linux"
    ? openLibrary((name) => new SocketCalls(name))
    : { unavailable: "" };
  return loaded = "opened" in library ? library.opened : null;
}
