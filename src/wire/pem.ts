/** Keys and certificates in their files. */

import { reasonOf } from "../platform/reason.ts";

/** @throws {Error} that names the file, when it cannot be read */
export async function readPem(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new Error(`read ${file}: ${reasonOf(error)}`);
  }
}
