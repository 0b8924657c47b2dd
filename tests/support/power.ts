/** What is in a spool after a power cut: the program is started on it, as on another boot. */

import { join } from "@std/path";
import { isTaskName } from "../../src/spool/layout.ts";
import { decodeVars, findText, HEADER_SIZE, PacketError } from "../../src/wire/packet.ts";
import { Program } from "./program.ts";

/** The numbers of the tasks that are there after the program was started on a directory, and runs none. */
export async function tasksAfterStart(
  ini: string,
  dir: string,
  boot: string,
): Promise<{ found: Set<string>; back: number }> {
  Deno.writeTextFileSync(join(dir, ".spooler/paused"), "");
  const changed = (await Deno.readTextFile(ini)).replace(/^spooler = .*$/m, `spooler = ${dir}`);
  const other = `${ini}.${boot}`;
  await Deno.writeTextFile(other, changed);
  const program = await Program.start(["--ini", other], { env: { SPOOLER_BOOT_ID: boot } });
  await program.stop();
  const back = Number(
    /put (\d+) tasks? back that a power cut had taken/.exec(program.log)?.[1] ?? 0,
  );
  return { found: await tasksBelow(dir), back };
}

/**
 * The numbers of the tasks below a directory that have their own bytes. Where the file system has no
 * journal, a task that was done may be there again with blocks that others have by now.
 */
async function tasksBelow(dir: string): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    const path = join(dir, name);
    if (isDirectory && name !== ".spooler") {
      for (const n of await tasksBelow(path)) found.add(n);
    } else if (isTaskName(name) && !name.endsWith(".json")) {
      const bytes = await Deno.readFile(path);
      const size = (bytes[1] ?? 0) + 256 * (bytes[2] ?? 0);
      const n = numberIn(bytes.subarray(HEADER_SIZE, HEADER_SIZE + size));
      const body = bytes.subarray(HEADER_SIZE + size);
      if (n !== null && body.every((byte) => byte === n % 256)) found.add(String(n));
    }
  }
  return found;
}

/** Null when they are not the vars of a task. */
function numberIn(bytes: Uint8Array): number | null {
  try {
    return Number(findText(decodeVars(bytes), "n"));
  } catch (error) {
    if (error instanceof PacketError) return null;
    throw error;
  }
}
