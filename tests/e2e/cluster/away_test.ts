/**
 * The server is away: the edge accepts and keeps what comes, the worker waits quietly, and both are back
 * soon after it. SPOOLER_CLUSTER_AWAY says for how many seconds.
 */

import { join } from "@std/path";
import { assert, assertEquals } from "../../support/assert.ts";
import { deliver, Machine, RunLedger } from "../../support/cluster_site.ts";
import { cpuSeconds } from "../../support/cpu.ts";
import { NatsServer } from "../../support/nats.ts";
import { quietPort } from "../../support/port.ts";
import { programLabel } from "../../support/program.ts";
import { testWith } from "../../support/require.ts";
import { tempDir } from "../../support/temp.ts";
import { pause, until } from "../../support/until.ts";

const SECONDS = Number(Deno.env.get("SPOOLER_CLUSTER_AWAY") ?? "2");
const IS_LONG = SECONDS >= 60;
/** Tasks that come meanwhile. */
const TASKS = 20;
/** A program that waits for its server uses so much of a core; the short time may have a start in it. */
const BUSY = IS_LONG ? 0.02 : 0.3;
/** Of each program, from the loss to the return. */
const LINES = 8;
/** In the long form, when nothing else runs. */
const BACK_MS = 1_000;

testWith(
  "nats",
  `${programLabel}: while the server is away the edge keeps tasks, and nobody is busy or noisy`,
  async () => {
    await using temp = await tempDir();
    await using server = await NatsServer.start();
    await server.create("jobs");
    const ledger = new RunLedger(join(temp.path, "ledger"));
    const port = quietPort();
    const address = server.address("jobs");
    await using edge = await Machine.start(join(temp.path, "edge"), [
      `spooler-forward = out ${address}`,
      `socket = 127.0.0.1:${port}`,
      "spooler-quiet = true",
    ]);
    await using worker = await Machine.start(
      join(temp.path, "worker"),
      [`spooler-stream = ${address}`, "spooler-import = tasks.ts", "spooler-quiet = true"],
      { "tasks.ts": ledger.typescript("worker") },
    );
    let count = 0;
    const send = async () => assert(await deliver(port, ++count));
    await send();
    await until(() => ledger.has(1), "a task has run");

    const machines = [edge, worker];
    const linesBefore = machines.map(({ log }) => log.split("\n").length);
    await server.kill();
    await worker.program.line(/ is down: .*; its tasks wait$/);
    const cpuBefore = machines.map(({ program }) => cpuSeconds(program.pid));
    const begunAt = performance.now();
    for (let i = 0; i < TASKS; i++) {
      await send();
      await pause(SECONDS * 1000 / TASKS);
    }
    const awaySeconds = (performance.now() - begunAt) / 1000;
    const cpu = machines.map(({ program }, i) => cpuSeconds(program.pid) - (cpuBefore[i] ?? 0));
    const shares = cpu.map((seconds) => seconds / awaySeconds);
    assertEquals(ledger.runs().length, 1);
    await server.start();
    const backAt = Date.now();
    await until(() => ledger.byNumber().size === count, "all have run");
    const runs = ledger.runs();
    assertEquals(runs.length, count, "nothing has run twice");
    await worker.program.line(/ is back after /);
    const lines = machines.map(({ log }, i) => log.split("\n").length - (linesBefore[i] ?? 0));
    const firstMs = Math.min(...runs.slice(1).map(({ at }) => at)) - backAt;
    const lastMs = Math.max(...runs.map(({ at }) => at)) - backAt;
    if (IS_LONG) {
      console.log(`away for ${awaySeconds.toFixed(0)} s; edge and worker: ${lines} lines`);
      console.log(`of a core: ${shares.map((share) => `${(100 * share).toFixed(2)} %`)}`);
      console.log(`the first task ran ${firstMs} ms after the return, the last ${lastMs} ms`);
      assert(firstMs <= BACK_MS, `${firstMs} ms`);
    }
    assert(lines.every((each) => each <= LINES), edge.log + worker.log);
    assert(shares.every((share) => share <= BUSY), `${shares}`);
    assertEquals(await Promise.all(machines.map((each) => each.stop())), [0, 0]);
  },
);
