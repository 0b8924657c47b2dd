/** A small file system of its own, which really fills up. */

import { tempDir } from "./temp.ts";

export function run(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr).trim()}`);
}

/**
 * Mounts a tmpfs in a new directory; both go with the test.
 *
 * @throws {Error} when this user may not mount
 */
export async function smallFileSystem(sizeKiB: number) {
  return await mountNew("tmpfs", `size=${sizeKiB}k,mode=700`);
}

/**
 * Mounts a file system that needs no device in a new directory; both go with the test.
 *
 * @throws {Error} when this user may not mount, or the kernel does not have it
 */
export async function mountNew(type: string, options: string) {
  const temp = await tempDir();
  try {
    run("mount", "-t", type, "-o", options, type, temp.path);
  } catch (error) {
    await temp[Symbol.asyncDispose]();
    throw error;
  }
  return {
    path: temp.path,
    async [Symbol.asyncDispose](): Promise<void> {
      run("umount", temp.path);
      await temp[Symbol.asyncDispose]();
    },
  };
}

export async function canMount(): Promise<boolean> {
  try {
    await using _mounted = await smallFileSystem(64);
    return true;
  } catch {
    return false;
  }
}
