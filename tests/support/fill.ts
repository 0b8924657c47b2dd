/** Task files in great number, as fast as the file system takes them: no sync, no store. */

import { join } from "@std/path";
import { TASK_PREFIX } from "../../src/spool/layout.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { varsOf } from "./store.ts";

/** Writes `count` ready tasks; returns their names. */
export function fillSpool(dir: string, count: number): string[] {
  Deno.mkdirSync(dir, { recursive: true });
  const packet = encodePacket(varsOf({ ud_spool_func: "noop", colour: "red" }), 17);
  const names = Array.from({ length: count }, (_, n) => `${TASK_PREFIX}bench_1_${n}_7_1_0`);
  for (const name of names) Deno.writeFileSync(join(dir, name), packet);
  return names;
}
