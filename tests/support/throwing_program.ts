/**
 * The program with a part that throws: `throwing_program.ts INI TYPE WORD [impossible | hurry | stuck]`
 * throws whenever an event of that type has that word in it, from wherever the event comes. With `stuck` a
 * reload never ends.
 */

import { runApp } from "../../src/app/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openNotifier } from "../../src/daemon/notify.ts";
import { type Clock, systemClock, systemRandom as random } from "../../src/platform/clock.ts";
import { loadPosix } from "../../src/platform/posix.ts";
import { systemSignals as signals } from "../../src/platform/signals.ts";
import { EXIT_IMPOSSIBLE, ImpossibleStateError } from "../../src/platform/unexpected.ts";
import type { Event } from "../../src/report/event.ts";
import { logLine } from "../../src/report/log.ts";

const LONG_MS = 9_000;
const [ini = "", type = "", word = "", kind] = Deno.args;
/** Long waits take a hundredth of their time with `hurry` and `stuck`. */
const clock: Clock = kind !== "hurry" && kind !== "stuck" ? systemClock : {
  ...systemClock,
  after: (ms, action) => systemClock.after(ms >= LONG_MS ? ms / 100 : ms, action),
};
const line = logLine(clock.now);

function emit(event: Event): void {
  console.error(line(event));
  if (event.type !== type || !JSON.stringify(event).includes(word)) return;
  if (kind === "impossible") throw new ImpossibleStateError("injected");
  throw new RangeError("injected");
}

const { config } = await loadConfig(["--ini", ini]);
const posix = loadPosix();
try {
  await runApp(config, {
    machine: { clock, random, emit },
    signals,
    reread() {
      if (kind !== "stuck") return loadConfig(["--ini", ini]).then((loaded) => loaded.config);
      console.error("rereads");
      return new Promise(() => {});
    },
    applied: () => {},
    reopenLog: () => {},
    ready: () => {},
    posix,
    notifier: openNotifier(posix),
  });
  Deno.exit(0);
} catch (error) {
  console.error(String(error));
  Deno.exit(error instanceof ImpossibleStateError ? EXIT_IMPOSSIBLE : 1);
}
