/** The program in the process of a test. */

import { runApp } from "../../src/app/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Actions } from "../../src/control/actions.ts";
import { openNotifier } from "../../src/daemon/notify.ts";
import { systemClock as clock, systemRandom as random } from "../../src/platform/clock.ts";
import { loadPosix } from "../../src/platform/posix.ts";
import type { Event } from "../../src/report/event.ts";
import type { ProgramSnapshot } from "../../src/report/snapshot.ts";

export interface AppInTest {
  readonly actions: Actions;
  stop(): void;
  reload(): void;
}

/** The program in this process, until `work` has ended. */
export async function withApp(
  ini: string,
  work: (
    snapshot: () => Promise<ProgramSnapshot>,
    events: readonly Event[],
    program: AppInTest,
  ) => Promise<void>,
): Promise<void> {
  const { config } = await loadConfig(["--ini", ini]);
  const posix = loadPosix();
  const mask = (text: string) => text.replaceAll("hunter2", "********");
  const masking = { mask, maskKnown: mask };
  const events: Event[] = [];
  let [stop, reload] = [() => {}, () => {}];
  let worked: Promise<void> = Promise.resolve();
  await runApp(config, {
    machine: { clock, random, emit: (event) => void events.push(event), masking },
    signals: {
      on(signals, action) {
        if (signals.includes("SIGTERM")) stop = () => action("SIGTERM");
        if (signals.includes("SIGHUP")) reload = () => action("SIGHUP");
        return () => {};
      },
    },
    reread: async () => (await loadConfig(["--ini", ini])).config,
    applied: () => {},
    reopenLog: () => {},
    ready: (snapshot, actions) => {
      const program = { actions, stop: () => stop(), reload: () => reload() };
      worked = work(snapshot, events, program).finally(() => stop());
    },
    posix,
    notifier: openNotifier(posix),
  });
  await worked;
}
