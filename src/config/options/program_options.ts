/** Options of the program as a whole. @pure */

import type { OptionRow } from "./row.ts";

export const PROGRAM_OPTIONS = [
  {
    name: "env",
    value: "KEY[=VALUE]",
    kind: "text",
    origin: "uwsgi",
    standing: "honoured",
    mayBeEmpty: true,
    help:
      "set an environment variable for tasks and jobs, and for later $(KEY); KEY alone removes it",
  },
  {
    name: "unenv",
    value: "KEY",
    kind: "text",
    origin: "uwsgi",
    standing: "honoured",
    mayBeEmpty: true,
    help: "remove an environment variable",
  },
  {
    name: "binsh",
    value: "PATH",
    kind: "path",
    origin: "uwsgi",
    standing: "honoured",
    fallback: "/bin/sh",
    help: "the shell of all commands; of several, the first that exists",
  },
  {
    name: "chdir",
    value: "DIR",
    kind: "path",
    origin: "uwsgi",
    standing: "honoured",
    help: "run tasks and jobs in this directory (default: the ini's)",
  },
  {
    name: "log-json",
    kind: "flag",
    origin: "ours",
    standing: "honoured",
    fallback: "false",
    help: "write the log as JSON lines",
  },
] as const satisfies readonly OptionRow[];
