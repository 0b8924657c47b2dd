/**
 * `--show-config`: the resulting configuration, as `uwsgi --show-config` prints it.
 *
 * Source: uWSGI 2.0.21 core/uwsgi.c, show_config.
 *
 * @pure
 */

import type { Entry } from "./entry.ts";
import type { Secrets } from "../report/secrets.ts";

export function showConfig(entries: readonly Entry[], secrets: Secrets): string {
  const lines = entries.map(({ key, value, valueless }) =>
    `${key} = ${valueless ? "true" : secrets.maskValue(key, value)}\n`
  );
  return `\n;uWSGI instance configuration\n[uwsgi]\n${lines.join("")};end of configuration\n\n`;
}
