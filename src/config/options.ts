/**
 * Every option, one row each. This table feeds the parser, `--help` and the documentation; an
 * option that is not here does not exist.
 */

export interface OptionRow {
  readonly name: string;
  /** What stands behind `=`, for people; absent for a flag. */
  readonly value?: string;
  /** Who made the option up: uWSGI, or this program. */
  readonly origin: "uwsgi" | "ours";
  readonly fallback?: string;
  /** One line. */
  readonly help: string;
}

export const OPTIONS = [
  {
    name: "spooler",
    value: "DIR",
    origin: "uwsgi",
    help: "work through the tasks in this directory (several allowed; made when missing)",
  },
  {
    name: "spooler-processes",
    value: "N",
    origin: "uwsgi",
    fallback: "1",
    help: "tasks that run at the same time, for each spool",
  },
  {
    name: "spooler-frequency",
    value: "SECONDS",
    origin: "uwsgi",
    fallback: "30",
    help: "time between two full looks at a spool directory, and before a retry",
  },
  {
    name: "spooler-task",
    value: "[name=NAME] COMMAND",
    origin: "ours",
    help: "run COMMAND for tasks of that function; without a name, for all that are left",
  },
  {
    name: "spooler-max-retries",
    value: "N",
    origin: "ours",
    fallback: "0",
    help: "runs after the first before a failing task goes to failed/; 0 never gives up",
  },
  {
    name: "spooler-retry-delay",
    value: "SECONDS",
    origin: "ours",
    help: "wait before the first retry of a failed task (default: spooler-frequency)",
  },
  {
    name: "spooler-retry-max-delay",
    value: "SECONDS",
    origin: "ours",
    fallback: "3600",
    help: "longest wait between two retries",
  },
  {
    name: "spooler-harakiri",
    value: "SECONDS",
    origin: "uwsgi",
    help: "end a task that runs longer; 0 never does",
  },
  {
    name: "spooler-ordered",
    origin: "uwsgi",
    help: "look at the whole directory before the first task, for a strict order",
  },
  {
    name: "spooler-fsync",
    value: "BOOL",
    origin: "ours",
    fallback: "true",
    help: "answer for a task only when it is safe on disk",
  },
  {
    name: "socket",
    value: "ADDRESS",
    origin: "uwsgi",
    help: "accept tasks on host:port or a unix socket path (several allowed)",
  },
  {
    name: "cron",
    value: "MIN HOUR DAY MONTH WEEKDAY COMMAND",
    origin: "uwsgi",
    help: "run COMMAND at these minutes; -1 is every, -n every n",
  },
  {
    name: "timer2",
    value: "every=DURATION COMMAND",
    origin: "ours",
    help: "run COMMAND again and again, as in every=30s",
  },
] as const satisfies readonly OptionRow[];

export type OptionName = typeof OPTIONS[number]["name"];

export function findOption(name: string): OptionRow | undefined {
  return OPTIONS.find((row) => row.name === name);
}
