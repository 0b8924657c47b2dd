/** A server that has lost its messages gives their numbers to others, while a worker still has the old. */

import { join } from "@std/path";
import { assert } from "../../support/assert.ts";
import { deliver, Machine } from "../../support/cluster_site.ts";
import { ledgerLines } from "../../support/ledger.ts";
import { NatsServer } from "../../support/nats.ts";
import { quietPort } from "../../support/port.ts";
import { programLabel } from "../../support/program.ts";
import { testWith } from "../../support/require.ts";
import { tempDir } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

for (const isOver of [false, true]) {
  const when = isOver ? "has ended" : "runs";
  testWith(
    "nats",
    `${programLabel}: a message with the number of a lost one, whose task ${when}, is not taken for it`,
    async () => {
      await using temp = await tempDir();
      await using server = await NatsServer.start();
      await server.create("jobs");
      const [file, gate] = [join(temp.path, "numbers"), join(temp.path, "gate")];
      const port = quietPort();
      await using edge = await Machine.start(join(temp.path, "edge"), [
        `spooler-forward = out ${server.address("jobs")}`,
        `socket = 127.0.0.1:${port}`,
      ]);
      const wait = `while [ ! -e ${gate} ]; do sleep 0.02; done`;
      await using worker = await Machine.start(join(temp.path, "worker"), [
        `spooler-stream = ${server.address("jobs")},processes=1`,
        `spooler-task = name=note ${wait}; echo $SPOOL_N >> ${file}`,
      ]);
      assert(await deliver(port, 1));
      await worker.program.line(/ note \S+ started/);
      await server.kill();
      if (isOver) {
        await Deno.writeTextFile(gate, "");
        await worker.program.line(/ note \S+ done/);
      }
      await Deno.remove(join(server.dir, "store"), { recursive: true });
      await server.start();
      await server.create("jobs");
      assert(await deliver(port, 2));
      await worker.program.line(/ is back after /);
      await edge.program.line(/ note \S+ done/, 2);
      await Deno.writeTextFile(gate, "");
      await until(() => ledgerLines(file).length === 2, "both have run");
      await until(async () => (await server.messages("jobs")).length === 0, "the stream is empty");
    },
  );
}
