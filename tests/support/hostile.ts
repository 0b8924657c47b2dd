/** The running program under attack: what others get meanwhile, and what the attack has cost. */

import { join } from "@std/path";
import { isTaskName } from "../../src/spool/layout.ts";
import { sendTask } from "../../src/wire/client.ts";
import { assertEquals } from "./assert.ts";
import type { Program } from "./program.ts";
import { makeSite, portIn } from "./site.ts";
import { varsOf } from "./store.ts";

/** Not before the year 2100: what is accepted stays and can be counted. */
export const LATER = { at: "4102444800" };
export const MIB = 2 ** 20;

export async function startSite(...lines: string[]) {
  const site = await makeSite("socket = 127.0.0.1:0", ...lines);
  const program = await site.start();
  const port = portIn(await program.line(/(?<! http) socket 127\.0\.0\.1:\d+$/));
  let accepted = 0;
  return {
    site,
    program,
    port,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    /** Sends tasks as anybody does; all must be accepted. */
    async serveOthers(count = 20): Promise<void> {
      for (let n = 0; n < count; n++) {
        const vars = varsOf({ ...LATER, n: String(n) });
        assertEquals(await sendTask({ kind: "tcp", host: "127.0.0.1", port }, vars), true);
        accepted++;
      }
    },
    /** What lies in the spool is what was accepted, and the program ends well. */
    async assertNothingElse(): Promise<void> {
      const names = [...Deno.readDirSync(site.spool)].filter(({ name }) => isTaskName(name));
      assertEquals(names.length, accepted);
      assertEquals(await program.stop(), 0);
      assertEquals([...Deno.readDirSync(join(site.spool, ".spooler/tmp"))], []);
    },
    async [Symbol.asyncDispose]() {
      await program.kill();
      await site[Symbol.asyncDispose]();
    },
  };
}

/** The most memory the process ever had, in bytes. */
export function peakMemory({ pid }: Program): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
}

export function descriptors({ pid }: Program): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

export function closeAll(connections: Iterable<Deno.Conn>): void {
  for (const connection of connections) {
    try {
      connection.close();
    } catch {
      // The program was faster.
    }
  }
}
