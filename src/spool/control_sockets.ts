/**
 * The sockets on which programs that work on a spool answer its operator: one for each program, in
 * `.spooler/control/` or another directory, for the owner of the spool, the program's user and root. They are reached through the
 * directory that is held open, so that no symlink leads elsewhere and no path is too long.
 */

import { join } from "@std/path";
import type { Random } from "../platform/clock.ts";
import { SystemError } from "../platform/libc.ts";
import { ENOENT, EPERM } from "../platform/linux.ts";
import { quietly } from "../platform/quietly.ts";
import { listenUnix } from "../platform/unix_socket.ts";
import { type SpoolDirectory, TASK_MODE } from "./directory.ts";
import { CONTROL_DIR } from "./layout.ts";

export interface ControlSocket {
  readonly listener: Deno.UnixListener;
  /** Who may connect beside root; null is this user. */
  readonly owner: number | null;
  /** Nobody has removed it. */
  readonly isThere: boolean;
  /** Removes it. */
  close(): void;
}

/** A younger one may not listen yet. */
const YOUNG_MS = 10_000;
/** More are left over from no program's kills. */
const MOST = 256;

export class ControlSockets {
  readonly #dir: string;

  /** @param dir in the directory of `spool` */
  constructor(
    private readonly spool: SpoolDirectory,
    private readonly random: Random,
    dir = join(spool.path, CONTROL_DIR),
  ) {
    this.#dir = dir;
  }

  /**
   * Makes the socket of this program, and removes those that killed ones have left.
   *
   * @throws {Error} when it cannot be made
   */
  async listen(): Promise<ControlSocket> {
    const { spool } = this;
    spool.makeDirectory(this.#dir);
    await this.#sweep();
    const name = `${Deno.pid}_${Math.floor(this.random() * 2 ** 31)}`;
    const own = join(this.#dir, name);
    const owner = spool.root?.owner ?? null;
    const listener = this.#at(name, (path) => listenUnix(path, { mode: TASK_MODE, owner }));
    return {
      listener,
      owner: owner?.uid ?? null,
      get isThere() {
        return spool.exists(own);
      },
      close() {
        quietly(() => listener.close());
        quietly(() => spool.removeIfThere(own));
      },
    };
  }

  /**
   * Connects to each program that answers.
   *
   * @throws {Deno.errors.PermissionDenied} when this user may not
   */
  async *connect(): AsyncGenerator<Deno.UnixConn> {
    for (const name of this.#names()) {
      const connection = await this.#connect(name);
      if (connection !== null) yield connection;
    }
  }

  #names(): string[] {
    const names: string[] = [];
    for (const entries of this.spool.entries.list(this.#dir)) {
      names.push(...entries.map(({ name }) => name));
    }
    return names.filter((name) => /^\d+_\d+$/.test(name)).slice(0, MOST);
  }

  /** Null when no program listens there. */
  async #connect(name: string): Promise<Deno.UnixConn | null> {
    const stat = this.spool.claims.lstat(join(this.#dir, name));
    if (stat === null || !this.spool.claims.trusts(stat.uid)) return null;
    try {
      return await this.#at(name, (path) => Deno.connect({ transport: "unix", path }));
    } catch (error) {
      const isNobody = error instanceof Deno.errors.ConnectionRefused ||
        error instanceof Deno.errors.NotFound;
      if (isNobody) return null;
      throw error;
    }
  }

  async #sweep(): Promise<void> {
    const { spool } = this;
    for (const name of this.#names()) {
      const path = join(this.#dir, name);
      const isGone = quietly(() => Deno.statSync(`/proc/${name.split("_")[0]}`)) === undefined;
      const stat = spool.claims.lstat(path);
      if (stat === null || stat.kind !== "other") continue;
      if (!isGone && spool.clock.now() - stat.mtimeMs < YOUNG_MS) continue;
      const connection = await this.#connect(name).catch(() => undefined);
      if (connection === null) quietly(() => spool.removeIfThere(path));
      connection?.close();
    }
  }

  /** Uses a name in the directory by a path through its descriptor. */
  #at<T>(name: string, use: (path: string) => T): T {
    const { root } = this.spool;
    if (root === null) return use(join(this.#dir, name));
    const fd = root.openDirectory(this.#dir);
    if (fd === -ENOENT) throw new Deno.errors.NotFound(`open ${this.#dir}: not found`);
    if (fd < 0) throw new SystemError("open", this.#dir, -fd);
    let used: T;
    try {
      if (!root.trusts(root.libc.fstat(fd).uid)) throw new SystemError("open", this.#dir, EPERM);
      used = use(`/proc/self/fd/${fd}/${name}`);
    } catch (error) {
      root.libc.close(fd);
      throw error;
    }
    // What connects uses the path until it has.
    if (used instanceof Promise) used.then(() => {}, () => {}).then(() => root.libc.close(fd));
    else root.libc.close(fd);
    return used;
  }
}
