/** Options of the program as a daemon. @pure */

import type { OptionRow } from "./row.ts";

export const DAEMON_OPTIONS = [
  {
    name: "worker-reload-mercy",
    value: "SECONDS",
    kind: "seconds",
    origin: "uwsgi",
    standing: "honoured",
    fallback: "60",
    help: "how long a stop waits for running tasks and jobs before it ends them",
  },
  {
    name: "reload-mercy",
    value: "SECONDS",
    kind: "seconds",
    origin: "uwsgi",
    standing: "honoured",
    help: "the same as worker-reload-mercy; the longer of the two counts",
  },
  {
    name: "die-on-term",
    kind: "flag",
    origin: "uwsgi",
    standing: "honoured",
    help: "SIGTERM stops the program; it always does here",
  },
  {
    name: "master",
    short: "M",
    kind: "flag",
    origin: "uwsgi",
    standing: "honoured",
    help: "one process supervises the workers; there always is one here",
  },
  {
    name: "no-orphans",
    kind: "flag",
    origin: "uwsgi",
    standing: "honoured",
    help: "no worker outlives the program; none does here",
  },
] as const satisfies readonly OptionRow[];
