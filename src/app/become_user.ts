/** The program becomes who the ini says, once, when the first life has opened its sockets. */

import { dirname } from "@std/path";
import type { Config } from "../config/config.ts";
import { enterDaemon } from "../daemon/enter.ts";
import type { Posix } from "../platform/posix.ts";
import type { Emit } from "../report/event.ts";

export function becomeUser(config: Config, posix: Posix | null, emit: Emit): void {
  const { daemon, spools, forwards, cronState } = config;
  if (daemon.identity === null && Deno.uid() === 0) {
    const message = "runs as root, and so do tasks and jobs without a user of their own " +
      "(spooler-uid, user=); uid= names another user for all of it";
    emit({ type: "config.warning", message });
  }
  const dirs = [...spools, ...forwards.map(({ spool }) => spool)].map(({ dir }) => dir);
  enterDaemon({ config: daemon, posix, directories: [...dirs, dirname(cronState)] });
}
