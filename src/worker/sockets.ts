/**
 * Where workers connect. Each has a socket of its own, in a directory that only this user can enter or,
 * where workers run as another user, write to; so the client is that worker.
 */

import { dirname, join } from "@std/path";
import { type Clock, systemClock } from "../platform/clock.ts";
import { nameFromBytes } from "../platform/name.ts";
import { quietly } from "../platform/quietly.ts";
import {
  acceptOwn,
  ensurePrivateDirectory,
  listenPrivately,
  PASSABLE,
  PRIVATE,
} from "../platform/unix_socket.ts";
import type { Claim, Claims } from "../spool/claim.ts";
import { Channel } from "./channel.ts";

const PREFIX = "spooler-workers-";
/** A younger directory may be one whose program has not yet locked it. */
const STALE_MS = 60_000;
/** Beside a worker's socket: the id of the task that it last began, and a NUL. */
const BEGAN_FILE = "began";
/** More than the longest id. It is there from the start, so that a full disk does not matter. */
const BEGAN_SIZE = 512;

/**
 * The directory of the sockets, which goes with the program. A file in it is locked as long as the
 * program lives: what one left behind that was killed is removed by the next.
 */
export class SocketDirectory implements AsyncDisposable {
  #count = 0;
  #path: string;

  private constructor(
    path: string,
    private readonly claim: Claim | null,
    /** Of the workers; null is this user. */
    readonly owner: number | null,
  ) {
    this.#path = path;
  }

  get path(): string {
    return this.#path;
  }

  /**
   * @param claims the machine's locks; without them nothing of others is removed
   * @param parent where to make it; absent is where temporary files go
   * @param owner of the workers: they pass through these directories and may write to none
   */
  static async make(
    claims: Claims | null = null,
    clock: Clock = systemClock,
    parent?: string,
    owner: number | null = null,
  ): Promise<SocketDirectory> {
    const where = parent === undefined ? {} : { dir: parent };
    const path = await Deno.makeTempDir({ prefix: PREFIX, ...where });
    // A umask may take rights from its owner, too.
    await Deno.chmod(path, modeFor(owner));
    if (claims === null) return new SocketDirectory(path, null, owner);
    const lock = join(path, "lock");
    Deno.createSync(lock).close();
    const claim = claims.claim(lock, Infinity);
    await removeLeftovers(path, claims, clock.now());
    return new SocketDirectory(path, claim.kind === "claimed" ? claim : null, owner);
  }

  /** A socket for one worker to connect to, once, in a directory that is the worker's own. */
  listen(): WorkerSocket {
    const dir = this.makeDir();
    try {
      return new WorkerSocket(dir, this.owner);
    } catch (error) {
      quietly(() => Deno.removeSync(dir, { recursive: true }));
      throw error;
    }
  }

  /**
   * A directory for one socket. Where somebody has tidied temporary directories all of it is made
   * anew, and elsewhere when somebody else's stands in its place.
   */
  makeDir(): string {
    const mode = modeFor(this.owner);
    if (!ensurePrivateDirectory(this.#path, mode)) {
      this.#path = Deno.makeTempDirSync({ dir: dirname(this.#path), prefix: PREFIX });
      Deno.chmodSync(this.#path, mode);
    }
    const dir = join(this.#path, `${++this.#count}`);
    Deno.mkdirSync(dir);
    Deno.chmodSync(dir, mode);
    return dir;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeAll(this.path);
    this.claim?.release();
  }
}

const modeFor = (owner: number | null) => owner === null ? PRIVATE : PASSABLE;

/** Directories beside `own` whose programs were killed. */
async function removeLeftovers(own: string, claims: Claims, now: number): Promise<void> {
  const parent = dirname(own);
  for await (const { name, isDirectory } of Deno.readDir(parent)) {
    const path = join(parent, name);
    if (!isDirectory || !name.startsWith(PREFIX) || path === own) continue;
    const lock = claims.peek(join(path, "lock"));
    if (lock.kind === "unusable") continue;
    if (lock.kind === "open") lock.close();
    const stat = lock.kind === "open" ? lock.stat : claims.lstat(path);
    const isLocked = lock.kind === "open" && lock.locked;
    if (isLocked || stat === null || now - stat.mtimeMs < STALE_MS) continue;
    // Another user's cannot be removed, and is no concern of ours.
    await removeAll(path).catch(() => {});
  }
}

/** Waits for one worker. */
export class WorkerSocket {
  readonly path: string;
  readonly #listener: Deno.UnixListener;

  /** @param owner of the worker; null is this user */
  constructor(private readonly dir: string, private readonly owner: number | null) {
    this.path = join(dir, "socket");
    const began = join(dir, BEGAN_FILE);
    Deno.writeFileSync(began, new Uint8Array(BEGAN_SIZE), { createNew: true });
    if (owner !== null) {
      Deno.chownSync(began, owner, null);
      // A TypeScript worker keeps there what it has made of its modules.
      const code = join(dir, "code");
      Deno.mkdirSync(code, { mode: PRIVATE });
      Deno.chownSync(code, owner, null);
    }
    // The last that can fail: nobody would close it.
    this.#listener = listenPrivately(this.path, owner);
  }

  /** Beside the socket, for copies of tasks: see src/worker/copies.ts. */
  get copies(): string {
    return join(this.dir, "spool");
  }

  /** The task that the worker last began, by its own word; null when it began none. */
  get began(): string | null {
    try {
      // Whoever writes it may make it as long as a disk.
      const bytes = new Uint8Array(BEGAN_SIZE);
      using file = Deno.openSync(join(this.dir, BEGAN_FILE));
      file.readSync(bytes);
      const id = nameFromBytes(bytes.subarray(0, bytes.indexOf(0)));
      return id === "" ? null : id;
    } catch {
      // A cleaner of temporary directories has taken it, and nobody knows.
      return null;
    }
  }

  /** The worker's connection; null when {@link close} came first. */
  async accept(): Promise<Channel | null> {
    try {
      return new Channel(await acceptOwn(this.#listener, this.owner));
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return null;
      }
      throw error;
    } finally {
      this.close();
    }
  }

  close(): void {
    try {
      this.#listener.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Removes the worker's directory, when the worker is gone. */
  async remove(): Promise<void> {
    this.close();
    // What cannot be removed now goes with all the others.
    await removeAll(this.dir).catch(() => {});
  }
}

async function removeAll(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    // A cleaner of temporary directories may have been faster.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
