/**
 * Calls of libc that start a process, wait for it and use its pipes: posix_spawn(3), which suspends this
 * program until the new one is loaded, in place of a copy of its memory. They return an errno as a negative
 * number.
 */

import { errnoReader } from "./errno.ts";
import { SystemError } from "./libc_calls.ts";
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY, openLibrary, X_OK } from "./linux.ts";
import { fixedBytes } from "./memory.ts";
import { nameToBytes } from "./name.ts";
import { SpawnMemory, type StartedWith } from "./spawn_memory.ts";

const SYMBOLS = {
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  // Of glibc 2.29 and musl 1.1.24.
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" },
  // Of pidfd_open only, which not every libc has under its name; an i64 would come back in two types.
  syscall: { parameters: ["i64", "i32", "u32"], result: "i32" },
  // The variable itself.
  environ: { type: "pointer" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const SYS_PIDFD_OPEN = 434n;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const F_SETFL = 4;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const CLD_EXITED = 1;
const SIGKILL = 9;
const SIGPIPE = 13;
const SIGCHLD = 17;
const SIG_IGN = 1n;
/** More than sigset_t, posix_spawnattr_t and posix_spawn_file_actions_t of any libc. */
const SET_SIZE = 128;
const MOST_SIGNALS = 64;
/** More than struct sigaction, which begins with the handler. */
const ACTION_SIZE = 256;
const ATTRIBUTES_SIZE = 512;
const ACTIONS_SIZE = 256;
const SIGINFO_SIZE = 128;
/** In siginfo_t, behind si_signo, si_errno, si_code and padding. */
const SIGINFO_CODE = 8;
const SIGINFO_PID = 16;
const SIGINFO_STATUS = 24;
const LONGEST_PATH = 3 * 4096;

/** What is to be started, in a session of its own. */
export interface SpawnRequest extends StartedWith {
  /** A path. */
  readonly file: string;
  readonly cwd: string;
  /** Whether its stdin is a pipe; else it is empty. */
  readonly hasStdin: boolean;
}

/** Descriptors of this program: they do not block, and no other child has them. */
export interface Spawned {
  readonly pid: number;
  /** -1 where it has none. */
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

/** How a process ended: by a signal, or with a code. */
export interface ProcessEnd {
  readonly code: number;
  /** The number of the signal; 0 without one. */
  readonly signal: number;
}

export class SpawnCalls {
  readonly #symbols;
  readonly #errno: () => number;
  readonly #memory: SpawnMemory;
  readonly #attributes = fixedBytes(ATTRIBUTES_SIZE);
  readonly #actions = fixedBytes(ACTIONS_SIZE);
  readonly #path = fixedBytes(LONGEST_PATH);
  readonly #cwd = fixedBytes(LONGEST_PATH);
  readonly #devNull = fixedBytes(16);
  readonly #numbers = new Int32Array(new ArrayBuffer(128));
  readonly #numberBytes = new Uint8Array(this.#numbers.buffer);
  readonly #info = fixedBytes(SIGINFO_SIZE);
  readonly #infoView = new DataView(this.#info.buffer);

  /**
   * For one thread: each has an errno of its own.
   *
   * @throws {Error} where something of this is missing: an old libc, or an old kernel
   */
  constructor(library: string) {
    this.#symbols = Deno.dlopen(library, SYMBOLS).symbols;
    this.#errno = errnoReader(this.#symbols.__errno_location);
    this.#memory = new SpawnMemory(this.#symbols.environ);
    const self = this.openEnd(Deno.pid);
    if (self < 0) throw new SystemError("pidfd_open", "", -self);
    this.close(self);
    this.#setAttributes();
    this.#wantEnds();
    nameToBytes("/dev/null", this.#devNull);
  }

  /**
   * As Deno starts its children: every signal comes through, and a closed pipe ends them. Signals that this
   * program was told to ignore they ignore as well. All others are named: of those that are not, libc asks the
   * system first, one by one.
   */
  #setAttributes(): void {
    const set = fixedBytes(SET_SIZE);
    this.#symbols.posix_spawnattr_init(this.#attributes);
    this.#symbols.posix_spawnattr_setsigmask(this.#attributes, set);
    for (let signal = 1; signal <= MOST_SIGNALS; signal++) {
      if (signal === SIGPIPE || this.#isHeard(signal)) mark(set, signal);
    }
    this.#symbols.posix_spawnattr_setsigdefault(this.#attributes, set);
    const flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID;
    this.#symbols.posix_spawnattr_setflags(this.#attributes, flags);
  }

  /** Whether it is not ignored; false where that cannot be asked. */
  #isHeard(signal: number): boolean {
    const action = fixedBytes(ACTION_SIZE);
    if (this.#symbols.sigaction(signal, null, action) !== 0) return false;
    return new DataView(action.buffer).getBigUint64(0, true) !== SIG_IGN;
  }

  /** Who started this program may have had it ignore SIGCHLD: then nobody is told how a child has ended. */
  #wantEnds(): void {
    const { signal } = this.#symbols;
    const before = signal(SIGCHLD, null);
    const address = before === null ? 0n : BigInt(Deno.UnsafePointer.value(before));
    if (address !== 0n && address !== SIG_IGN) signal(SIGCHLD, before);
  }

  #result(returned: number): number {
    return returned < 0 ? -this.#errno() : returned;
  }

  /**
   * Starts a process.
   *
   * @throws {SystemError} when it cannot be started
   */
  spawn(request: SpawnRequest): Spawned {
    const pipes: number[] = [];
    try {
      const stdin = request.hasStdin ? this.#pipe(pipes) : null;
      const stdout = this.#pipe(pipes);
      const stderr = this.#pipe(pipes);
      const pid = this.#start(request, stdin?.[0] ?? null, stdout[1], stderr[1]);
      const ours = [stdout[0], stderr[0], ...(stdin ? [stdin[1]] : [])];
      for (const fd of pipes.splice(0)) {
        if (ours.includes(fd)) this.#symbols.fcntl(fd, F_SETFL, O_NONBLOCK);
        else this.close(fd);
      }
      return { pid, stdin: stdin?.[1] ?? -1, stdout: stdout[0], stderr: stderr[0] };
    } catch (error) {
      for (const fd of pipes) this.close(fd);
      throw error;
    }
  }

  /** @param made gets both ends, which are closed by their owner */
  #pipe(made: number[]): readonly [readEnd: number, writeEnd: number] {
    const result = this.#result(this.#symbols.pipe2(this.#numberBytes, O_CLOEXEC));
    if (result < 0) throw new SystemError("pipe2", "", -result);
    const [readEnd = -1, writeEnd = -1] = this.#numbers;
    made.push(readEnd, writeEnd);
    return [readEnd, writeEnd];
  }

  #start(
    { file, cwd, ...withWhat }: SpawnRequest,
    stdin: number | null,
    stdout: number,
    stderr: number,
  ): number {
    const symbols = this.#symbols;
    const actions = this.#actions;
    symbols.posix_spawn_file_actions_init(actions);
    try {
      if (stdin === null) {
        symbols.posix_spawn_file_actions_addopen(actions, 0, this.#devNull, O_RDONLY, 0);
      } else symbols.posix_spawn_file_actions_adddup2(actions, stdin, 0);
      symbols.posix_spawn_file_actions_adddup2(actions, stdout, 1);
      symbols.posix_spawn_file_actions_adddup2(actions, stderr, 2);
      symbols.posix_spawn_file_actions_addchdir_np(actions, pathBytes(this.#cwd, cwd));
      const path = pathBytes(this.#path, file);
      const { argv, envp } = this.#memory.fill(withWhat);
      const attributes = this.#attributes;
      const errno = symbols.posix_spawn(this.#numberBytes, path, actions, attributes, argv, envp);
      if (errno !== 0) throw new SystemError("start", file, errno);
      return this.#numbers[0] ?? -1;
    } finally {
      symbols.posix_spawn_file_actions_destroy(actions);
    }
  }

  #kill(pid: number): void {
    this.#symbols.kill(-pid, SIGKILL);
    this.#symbols.waitid(P_PID, pid, this.#info, WEXITED);
  }

  /** Ends at once what cannot be waited for. */
  abandon({ pid, stdin, stdout, stderr }: Spawned): void {
    this.#kill(pid);
    for (const fd of [stdin, stdout, stderr]) if (fd >= 0) this.close(fd);
  }

  /** A descriptor that can be read from when a child has ended; -errno for want of one. */
  openEnd(pid: number): number {
    return this.#result(this.#symbols.syscall(SYS_PIDFD_OPEN, pid, 0));
  }

  /** Waits for a process that has ended; null when it has not. */
  reap(pid: number): ProcessEnd | null {
    this.#infoView.setInt32(SIGINFO_PID, 0, true);
    const result = this.#result(this.#symbols.waitid(P_PID, pid, this.#info, WEXITED | WNOHANG));
    // Somebody else in this process has waited for it.
    if (result < 0) return { code: 0, signal: SIGKILL };
    if (this.#infoView.getInt32(SIGINFO_PID, true) === 0) return null;
    const status = this.#infoView.getInt32(SIGINFO_STATUS, true);
    const isExit = this.#infoView.getInt32(SIGINFO_CODE, true) === CLD_EXITED;
    return isExit ? { code: status, signal: 0 } : { code: 128 + status, signal: status };
  }

  /** Whether this user may run a file. */
  mayRun(path: string): boolean {
    return this.#symbols.access(pathBytes(this.#path, path), X_OK) === 0;
  }

  /** Fills a part of `into`; 0 at the end. */
  read(fd: number, into: Uint8Array<ArrayBuffer>): number {
    return this.#result(this.#symbols.read(fd, into, into.length));
  }

  /** Writes some of the bytes. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    return this.#result(this.#symbols.write(fd, bytes, bytes.length));
  }

  close(fd: number): void {
    this.#symbols.close(fd);
  }
}

/** Adds a signal to a sigset_t. */
function mark(set: Uint8Array, signal: number): void {
  const bit = signal - 1;
  set[bit >> 3] = (set[bit >> 3] ?? 0) | 1 << (bit & 7);
}

/** @throws {TypeError} for a path with a NUL, which no file can have */
function pathBytes(buffer: Uint8Array<ArrayBuffer>, path: string): Uint8Array<ArrayBuffer> {
  if (path.includes("\0")) throw new TypeError(`a path cannot hold a NUL: ${path}`);
  buffer[nameToBytes(path, buffer.subarray(0, -1) as Uint8Array<ArrayBuffer>)] = 0;
  return buffer;
}

let loaded: SpawnCalls | null | undefined;

/** Those of this thread; null where libc or the kernel lacks something. */
export function spawnCalls(): SpawnCalls | null {
  if (loaded !== undefined) return loaded;
  const library = Deno.build.os === "linux"
    ? openLibrary((name) => new SpawnCalls(name))
    : { unavailable: "" };
  return loaded = "opened" in library ? library.opened : null;
}
