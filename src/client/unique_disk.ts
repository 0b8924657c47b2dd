/** What claims of keys need of a disk (src/task/unique_claims.ts), by Node's functions. */

import {
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { isInLocks, type UniqueDisk } from "../task/unique_claims.ts";

/** Whose what root makes is to be; null is the maker's own. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o750;

/** @param placeFor makes the directory of its priority, and says where a task's file is to be */
export function uniqueDisk(
  owner: Owner,
  placeFor: (id: string) => Promise<string>,
): UniqueDisk {
  const list = (dir: string) => readdir(dir).catch(none<string[]>([], "ENOENT", "ENOTDIR"));
  const exists = (path: string) => lstat(path).then(() => true, none(false, "ENOENT"));
  const give = async (path: string) => {
    if (owner !== null) await chown(path, owner.uid, owner.gid);
  };
  const makeDirectory = async (path: string): Promise<void> => {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!await exists(parent)) await makeDirectory(parent);
    try {
      await mkdir(path, DIRECTORY_MODE);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return;
      throw error;
    }
    await give(path);
  };
  return {
    list,
    exists,
    makeDirectory,
    async makeEmptyFile(path) {
      await writeFile(path, "", { mode: FILE_MODE, flag: "w" });
      await give(path);
    },
    rename: (from, to) =>
      rename(from, to).then(() => true, none(false, "ENOENT", "ENOTEMPTY", "EEXIST")),
    remove: (path) => unlink(path).catch(none(undefined, "ENOENT")),
    removeDirectory: (path) => rmdir(path).catch(none(undefined, "ENOENT", "ENOTEMPTY", "EEXIST")),
    isRunning: async (path) => {
      const found = await stat(path).catch(() => null);
      return found !== null && await isLocked(found.ino);
    },
    placeFor,
    replaced() {},
  };
}

/** Elsewhere than on Linux nobody knows. */
export async function isLocked(inode: number): Promise<boolean> {
  return isInLocks(await readFile("/proc/locks", "utf8").catch(() => ""), inode);
}

const codeOf = (error: unknown) => (error as { code?: string }).code;

/** What stands for an error of one of these codes. */
function none<T>(value: T, ...codes: readonly string[]): (error: unknown) => T {
  return (error) => {
    if (codes.includes(codeOf(error) ?? "")) return value;
    throw error;
  };
}
