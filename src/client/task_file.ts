/**
 * Writes task files: whole, on disk, and with their name only then. Files of several tasks are synced at
 * the same time, and their directory once.
 */

import { close, fchown, fsync, futimes, mkdir, open, rename, stat, unlink, write } from "node:fs";
import { hostname } from "node:os";
import { getuid, pid } from "node:process";
import { promisify } from "node:util";
import { taskName } from "../task/task_name.ts";
import { uniqueName, type UniqueWish } from "../task/unique.ts";
import { UniqueClaims } from "../task/unique_claims.ts";
import { encodePacket, MODIFIER_SPOOL } from "../wire/packet.ts";
import type { EncodedTask } from "./new_task.ts";
import { type Owner, uniqueDisk } from "./unique_disk.ts";

const calls = {
  close: promisify(close),
  fchown: promisify(fchown),
  fsync: promisify(fsync),
  futimes: promisify(futimes),
  mkdir: promisify(mkdir),
  open: promisify(open),
  rename: promisify(rename),
  stat: promisify(stat),
  unlink: promisify(unlink),
};

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o750;

export interface TaskFilesOptions {
  readonly dir: string;
  /** Whether a task is on disk when it counts as put. */
  readonly sync: boolean;
}

/** A file on its way. */
interface Writing {
  readonly name: string;
  readonly tmp: string;
  readonly target: string;
  /** The directory it gets its name in. */
  readonly parent: string;
}

export class TaskFiles {
  #counter = 0;

  constructor(private readonly options: TaskFilesOptions) {}

  /**
   * Puts tasks, all of them or none unless the machine fails amid it; those with a key one by one.
   *
   * @returns their names, in their order
   */
  async put(tasks: readonly EncodedTask[]): Promise<string[]> {
    const names: string[] = [];
    let plain: EncodedTask[] = [];
    const putPlain = async () => {
      if (plain.length > 0) names.push(...await this.#putPlain(plain));
      plain = [];
    };
    for (const task of tasks) {
      if (task.unique === null) plain.push(task);
      else {
        await putPlain();
        names.push(await this.#putUnique(task, task.unique));
      }
    }
    await putPlain();
    return names;
  }

  /** See src/task/unique_claims.ts. @returns its name, or that of the task that stands for it */
  async #putUnique(task: EncodedTask, wish: UniqueWish): Promise<string> {
    const { dir, sync } = this.options;
    const owner = await this.#owner();
    const disk = uniqueDisk(owner, async (id) => {
      await this.#makeDirectory(parentOf(`${dir}/${id}`), owner);
      return `${dir}/${id}`;
    });
    const claims = new UniqueClaims(dir, disk);
    const first = await claims.standIn(wish);
    if (first !== null) return await this.#settle(first);
    const tmpDir = `${dir}/.spooler/tmp/`;
    await disk.makeDirectory(tmpDir.slice(0, -1));
    const { name, tmp, target } = this.#place(task, tmpDir);
    const id = target.slice(dir.length + 1);
    let isFinal = false;
    try {
      await this.#write(tmp, task, owner);
      const taken = await claims.take(wish, id);
      if (taken.kind === "stands") {
        await calls.unlink(tmp);
        return await this.#settle(taken.id);
      }
      isFinal = taken.replaces;
      await claims.complete(wish.hash, id);
      if (sync) await syncDirectory(parentOf(target));
      return name;
    } catch (error) {
      // The one it replaces may be gone already: who comes next gives this one its name.
      if (isFinal) throw error;
      await Promise.all([tmp, target].map((path) => calls.unlink(path).catch(() => {})));
      await Promise.resolve(claims.release(wish.hash, id)).catch(() => {});
      throw error;
    }
  }

  /** The name of a task is on disk. */
  async #settle(id: string): Promise<string> {
    const path = `${this.options.dir}/${id}`;
    if (this.options.sync) await syncDirectory(parentOf(path));
    return path.slice(path.lastIndexOf("/") + 1);
  }

  async #putPlain(tasks: readonly EncodedTask[]): Promise<string[]> {
    const { dir, sync } = this.options;
    const owner = await this.#owner();
    const tmpDir = await isDirectory(`${dir}/.spooler/tmp`)
      ? `${dir}/.spooler/tmp/`
      : `${dir}/.new_`;
    const writings = tasks.map((task) => this.#place(task, tmpDir));
    try {
      const written = writings.map(({ tmp }, index) =>
        this.#write(tmp, tasks[index] as EncodedTask, owner)
      );
      await allOf(written);
      const parents = new Set(writings.map(({ parent }) => parent));
      for (const parent of parents) await this.#makeDirectory(parent, owner);
      // In their order, as they are to run.
      for (const { tmp, target } of writings) await calls.rename(tmp, target);
      if (sync) await allOf([...parents].map(syncDirectory));
    } catch (error) {
      const clear = writings.flatMap(({ tmp, target }) => [tmp, target]);
      await Promise.all(clear.map((path) => calls.unlink(path).catch(() => {})));
      throw error;
    }
    return writings.map(({ name }) => name);
  }

  #place({ priority, unique }: EncodedTask, tmpDir: string): Writing {
    const { dir } = this.options;
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
    const counter = ++this.#counter;
    const plain = taskName({
      host: hostname(),
      pid,
      counter,
      random: random >>> 1,
      now: Date.now(),
    });
    const name = unique === null ? plain : uniqueName(plain, unique.hash);
    const parent = priority === null ? dir : `${dir}/${priority}`;
    return { name, parent, tmp: tmpDir + name, target: `${parent}/${name}` };
  }

  async #write(tmp: string, { vars, body, at }: EncodedTask, owner: Owner): Promise<void> {
    const packet = encodePacket(vars, MODIFIER_SPOOL);
    const fd = await calls.open(tmp, "wx", FILE_MODE);
    try {
      await writeAll(fd, packet);
      if (body.length > 0) await writeAll(fd, body);
      if (owner !== null) await calls.fchown(fd, owner.uid, owner.gid);
      // Tasks of one batch are not written in their order, and run in that of their times.
      const seconds = (at ?? Date.now()) / 1000;
      await calls.futimes(fd, seconds, seconds);
      if (this.options.sync) await calls.fsync(fd);
    } finally {
      await calls.close(fd);
    }
  }

  /** Whose what root makes is to be; null is the maker's own. */
  async #owner(): Promise<Owner> {
    const { uid, gid } = await calls.stat(this.options.dir);
    return getuid?.() === 0 && uid !== 0 ? { uid, gid } : null;
  }

  async #makeDirectory(path: string, owner: Owner): Promise<void> {
    if (path === this.options.dir) return;
    try {
      await calls.mkdir(path, DIRECTORY_MODE);
    } catch (error) {
      if ((error as { code?: string }).code === "EEXIST") return;
      throw error;
    }
    const fd = await calls.open(path, "r");
    try {
      if (owner !== null) await calls.fchown(fd, owner.uid, owner.gid);
    } finally {
      await calls.close(fd);
    }
    if (this.options.sync) await syncDirectory(this.options.dir);
  }
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/"));

/** All have ended, also when one has failed: nothing goes on behind the error. */
async function allOf(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(promises)) {
    if (end.status === "rejected") throw end.reason;
  }
}

async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await writeSome(fd, bytes.subarray(at));
}

/** What promisify makes of this one is not the same everywhere. */
function writeSome(fd: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, null, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

async function syncDirectory(path: string): Promise<void> {
  const fd = await calls.open(path, "r");
  try {
    await calls.fsync(fd);
  } finally {
    await calls.close(fd);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return await calls.stat(path).then((found) => found.isDirectory(), () => false);
}
