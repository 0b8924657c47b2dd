/**
 * The program, or one of its task workers: neither loads the code of the other, which would cost each
 * start of a worker more than half of its time.
 */

import { exitProcess } from "./src/platform/exit.ts";
import { WORKER_FLAG } from "./src/worker/flag.ts";

if (Deno.args[0] === WORKER_FLAG) {
  const { runWorker } = await import("./workers/javascript/main.ts");
  await runWorker();
} else {
  const { main } = await import("./src/cli/main.ts");
  exitProcess(await main(Deno.args));
}
