/** How the program stops, and what else makes it a daemon. @pure */

import type { DaemonConfig } from "../daemon/settings.ts";
import type { Given } from "./given.ts";
import { parseSeconds } from "./value.ts";

/** uWSGI's default of worker-reload-mercy. */
const MERCY_MS = 60_000;

export function daemonOf(given: Given): DaemonConfig {
  const mercies = (["reload-mercy", "worker-reload-mercy"] as const).flatMap((name) =>
    given.every(name, (text) => parseSeconds(text, 0) * 1000).slice(-1)
  );
  return { mercyMs: mercies.length > 0 ? Math.max(...mercies) : MERCY_MS };
}
