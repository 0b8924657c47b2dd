/**
 * Writes to stdout and stderr without ever waiting for their reader. The descriptors stay in the
 * blocking mode: it belongs to the open file, which other programs share.
 */

import { getSystemErrorName } from "node:util";
import { errnoReader } from "./errno.ts";
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL, openLibrary } from "./linux.ts";
import { fixedBytes } from "./memory.ts";

const SYMBOLS = {
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

const ENOTSOCK = 88;
const POLLOUT = 4;
/** A pipe with room takes so many bytes at once (PIPE_BUF, pipe(7)); terminals are no worse. */
const PIECE = 4096;

export interface OutputFile {
  /**
   * Writes some of the bytes; 0 when nothing can be written now.
   *
   * @throws {Error} when it failed: a full disk, or nobody is there to read
   */
  write(bytes: Uint8Array<ArrayBuffer>): number;
  /** Waits until something can be written, and no longer than this. */
  wait(ms: number): void;
  /** Absent where there is nothing to close. */
  close?(): void;
}

/** @param fd 1 or 2 */
export function openOutput(fd: 1 | 2): OutputFile {
  const library = openLibrary((name) => Deno.dlopen(name, SYMBOLS).symbols);
  if ("opened" in library) return new Descriptor(fd, library.opened);
  const stream = fd === 1 ? Deno.stdout : Deno.stderr;
  return { write: (bytes) => stream.writeSync(bytes), wait: () => {} };
}

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

class Descriptor implements OutputFile {
  /** struct pollfd. */
  readonly #poll = fixedBytes(8);
  readonly #entry = new DataView(this.#poll.buffer);
  readonly #errno: () => number;

  constructor(private readonly fd: number, private readonly symbols: Symbols) {
    this.#entry.setInt32(0, fd, true);
    this.#entry.setInt16(4, POLLOUT, true);
    this.#errno = errnoReader(symbols.__errno_location);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const { fd, symbols } = this;
    // systemd's journal is a socket: it can be asked for exactly what is wanted.
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = symbols.send(fd, bytes, BigInt(bytes.length), flags);
    if (sent >= 0) return sent;
    const errno = this.#errno();
    if (errno !== ENOTSOCK) return this.#failed(errno);
    if (!this.#hasRoom(0)) return 0;
    const piece = bytes.length <= PIECE ? bytes : bytes.subarray(0, PIECE);
    const written = symbols.write(fd, piece, BigInt(piece.length));
    return written >= 0 ? written : this.#failed(this.#errno());
  }

  wait(ms: number): void {
    this.#hasRoom(Math.ceil(ms));
  }

  #hasRoom(ms: number): boolean {
    return this.symbols.poll(this.#poll, 1n, ms) > 0;
  }

  #failed(errno: number): 0 {
    if (errno === EAGAIN || errno === EINTR) return 0;
    throw new Error(getSystemErrorName(-errno));
  }
}
