/**
 * Calls of libc about this process itself: who it is, its children, and datagrams to unix sockets,
 * which Deno sends under an unstable flag only.
 */

import { errnoReader } from "./errno.ts";
import { openSymbols } from "./symbols.ts";
import { SystemError } from "./libc_calls.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EAGAIN,
  ENOENT,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_WRONLY,
  openLibrary,
  SOCK_CLOEXEC,
} from "./linux.ts";
import { fixedBytes } from "./memory.ts";

const SYMBOLS = {
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  // The function itself.
  abs: { type: "pointer" },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "isize",
  },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const PR_SET_DUMPABLE = 4;
const PR_SET_CHILD_SUBREAPER = 36;
const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
/** The real-time signals that libc leaves to programs. */
const FIRST_REAL_TIME_SIGNAL = 34;
const LAST_REAL_TIME_SIGNAL = 64;
const CLOCK_MONOTONIC = 1;
const ENOBUFS = 105;
const SOCK_DGRAM = 2;
/** siginfo_t is 128 bytes; the pid of a child stands behind si_signo, si_errno, si_code and padding. */
const SIGINFO_SIZE = 128;
const SIGINFO_PID = 16;
/** The longest path of sockaddr_un. */
const SUN_PATH_MAX = 108;

export class Posix {
  readonly #symbols;
  readonly #errno: () => number;

  constructor(library: string) {
    this.#symbols = openSymbols(library, SYMBOLS);
    this.#errno = errnoReader(this.#symbols.__errno_location);
  }

  #check(call: string, result: number | bigint): void {
    if (result < 0) throw new SystemError(call, "", this.#errno());
  }

  /**
   * This process, all its threads and later children become this user, for good.
   *
   * @throws {SystemError} when it may not
   */
  become({ uid, gid, groups }: Identity): void {
    const { setgroups, setgid, setuid, prctl } = this.#symbols;
    const list = fixedBytes(Math.max(64, 4 * groups.length));
    const view = new DataView(list.buffer);
    groups.forEach((group, i) => view.setUint32(4 * i, group, true));
    this.#check("setgroups", setgroups(BigInt(groups.length), list));
    this.#check("setgid", setgid(gid));
    this.#check("setuid", setuid(uid));
    // The kernel shuts /proc/self to a process that has changed its user.
    prctl(PR_SET_DUMPABLE, 1n, 0n, 0n, 0n);
  }

  /** Orphans among the descendants become children of this process. */
  becomeSubreaper(): void {
    this.#symbols.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
  }

  /**
   * Real-time signals end a process that does not handle them, and Deno cannot. Their handler here is a
   * function of libc that does nothing: what is ignored instead would be ignored by all commands, too, and
   * a shell could not trap it.
   */
  withstandRealTimeSignals(): void {
    const { signal, abs } = this.#symbols;
    for (let each = FIRST_REAL_TIME_SIGNAL; each <= LAST_REAL_TIME_SIGNAL; each++) {
      signal(each, abs);
    }
  }

  /** A child that has ended and was not waited for, which it stays; otherwise null. */
  peekEnded(): number | null {
    return this.#waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT);
  }

  /** Waits for a child that has ended. */
  reap(pid: number): void {
    this.#waitid(P_PID, pid, WEXITED | WNOHANG);
  }

  #waitid(kind: number, id: number, options: number): number | null {
    const info = fixedBytes(SIGINFO_SIZE);
    if (this.#symbols.waitid(kind, id, info, options) !== 0) return null;
    return new DataView(info.buffer).getInt32(SIGINFO_PID, true) || null;
  }

  /**
   * Sends one datagram, without waiting.
   *
   * @returns false when there is no room for it now
   * @throws {SystemError | Deno.errors.NotFound} nobody listens, for example
   */
  sendDatagram(to: DatagramAddress, bytes: Uint8Array): boolean {
    const [family, address] = to.kind === "unix" ? unixAddress(to.path) : inetAddress(to);
    const { socket, sendto, close } = this.#symbols;
    const fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    this.#check("socket", fd);
    try {
      const copy = fixedBytes(Math.max(128, bytes.length));
      copy.set(bytes);
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const length = address.length;
      if (sendto(fd, copy, BigInt(bytes.length), flags, address, length) >= 0) return true;
      const errno = this.#errno();
      if (errno === EAGAIN || errno === ENOBUFS) return false;
      const subject = to.kind === "unix" ? to.path : `${to.host}:${to.port}`;
      if (errno === ENOENT) throw new Deno.errors.NotFound(`no socket at ${subject}`);
      throw new SystemError("sendto", subject, errno);
    } finally {
      close(fd);
    }
  }

  /**
   * These outputs of the process, 1 and 2, become this file, to which they append.
   *
   * @throws {SystemError} when it cannot be opened
   */
  redirectOutput(outputs: readonly number[], path: string, mode: number): void {
    const name = new TextEncoder().encode(`${path}\0`);
    const bytes = fixedBytes(Math.max(128, name.length));
    bytes.set(name);
    const { open, dup2, close } = this.#symbols;
    const fd = open(bytes, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);
    if (fd < 0) throw new SystemError("open", path, this.#errno());
    try {
      for (const output of outputs) this.#check("dup2", dup2(fd, output));
    } finally {
      close(fd);
    }
  }

  /** CLOCK_MONOTONIC, in microseconds: what a service manager compares with its own. */
  monotonicUsec(): bigint {
    const time = fixedBytes(128);
    this.#check("clock_gettime", this.#symbols.clock_gettime(CLOCK_MONOTONIC, time));
    const view = new DataView(time.buffer);
    return view.getBigInt64(0, true) * 1_000_000n + view.getBigInt64(8, true) / 1000n;
  }
}

export type DatagramAddress =
  /** `path` of a file, or `@NAME` in the abstract namespace. */
  | { readonly kind: "unix"; readonly path: string }
  /** `host` is an IP address. */
  | { readonly kind: "udp"; readonly host: string; readonly port: number };

/** struct sockaddr_un. */
function unixAddress(path: string): [family: number, address: Uint8Array<ArrayBuffer>] {
  const name = new TextEncoder().encode(path.replace(/^@/, "\0"));
  if (name.length >= SUN_PATH_MAX) throw new TypeError(`a socket's name is too long: ${path}`);
  // An abstract name ends with the address, a path with a NUL.
  const address = fixedBytes(2 + name.length + (path.startsWith("@") ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  return [AF_UNIX, address];
}

/** struct sockaddr_in or sockaddr_in6. */
function inetAddress(
  { host, port }: { readonly host: string; readonly port: number },
): [family: number, address: Uint8Array<ArrayBuffer>] {
  const isV6 = host.includes(":");
  const family = isV6 ? AF_INET6 : AF_INET;
  const address = fixedBytes(isV6 ? 28 : 16);
  const view = new DataView(address.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  if (isV6) address.set(ipv6Bytes(host), 8);
  else address.set(host.split(".").map(Number), 4);
  return [family, address];
}

function ipv6Bytes(host: string): number[] {
  const [head = "", tail] = host.split("::");
  const words = (text: string) =>
    text === "" ? [] : text.split(":").map((word) => parseInt(word, 16));
  const [front, back] = [words(head), words(tail ?? "")];
  const zeros = tail === undefined ? [] : Array(8 - front.length - back.length).fill(0);
  return [...front, ...zeros, ...back].flatMap((word) => [word >> 8, word & 0xff]);
}

/** Who a process is: numbers, as the system's files have them. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The supplementary groups; they replace those it has. */
  readonly groups: readonly number[];
}

let loaded: Posix | null | undefined;

/** Null where libc cannot be called. */
export function loadPosix(): Posix | null {
  if (loaded !== undefined) return loaded;
  const library = openLibrary((name) => new Posix(name));
  loaded = "opened" in library ? library.opened : null;
  return loaded;
}
