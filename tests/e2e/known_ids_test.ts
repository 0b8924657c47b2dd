/** A start of a program that remembers as many ids of accepted tasks as it ever does. */

import { join } from "@std/path";
import { lineOf } from "../../src/spool/accepted_lines.ts";
import { encodePacket } from "../../src/wire/packet.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MIB, peakMemory } from "../support/hostile.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn } from "../support/site.ts";
import { varsOf } from "../support/store.ts";

const IN_FILE = 100_000;
const MOST_MIB = 170;

testWith(
  "libc",
  `${programLabel}: 200,000 ids are known after a start, in little memory`,
  async () => {
    await using site = await makeSite("socket = 127.0.0.1:0");
    const now = Date.now();
    const lines = (from: number) =>
      Array.from({ length: IN_FILE }, (_, n) => {
        const name = `uwsgi_spoolfile_on_a-host_4711_${from + n}_0_1790000000_123456`;
        const content = String(from + n).padStart(64, "0");
        return lineOf(`a-longer-id-of-a-task-${from + n} 127.0.0.1`, { at: now, name, content });
      }).join("");
    await Deno.mkdir(join(site.spool, ".spooler"), { recursive: true });
    await Deno.writeTextFile(join(site.spool, ".spooler/accepted.old"), lines(0));
    await Deno.writeTextFile(join(site.spool, ".spooler/accepted"), lines(IN_FILE));
    await using program = await site.start();
    const port = portIn(await program.line(/127\.0\.0\.1:\d+$/));
    await program.line(/ready$/);
    // From source the engine collects garbage later.
    const peakMiB = Deno.env.has("SPOOLER_EXECUTABLE") ? peakMemory(program) / MIB : 0;
    assert(peakMiB < MOST_MIB, `${peakMiB} MiB`);

    const send = async (id: string) => {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const vars = varsOf({ ud_spool_func: "f", spooler_id: id, at: "4102444800" });
      await connection.write(encodePacket(vars, 17));
      const answer = new Uint8Array(4);
      await connection.read(answer);
      return answer[3];
    };
    // Each belongs to another task.
    assertEquals(await send("a-longer-id-of-a-task-0"), 0);
    assertEquals(await send("a-longer-id-of-a-task-199999"), 0);
    assertEquals(await send("a-longer-id-of-a-task-200000"), 1);
    assertEquals(await program.stop(), 0);
  },
);
