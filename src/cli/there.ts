/** Whether a path leads to something, even to a symlink that leads nowhere. */

import { quietly } from "../platform/quietly.ts";

/** What may not be seen counts as missing: whatever is done with it next says so. */
export function isThere(path: string): boolean {
  return quietly(() => Deno.lstatSync(path)) !== undefined;
}

export async function isDirectory(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
