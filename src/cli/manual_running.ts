/** The manuals of the commands that speak to the running program. @pure */

import { DIR, DIR_OR_STREAM, INI, type Manual, NAMES } from "./manual_parts.ts";

export const RUNNING_MANUALS: Readonly<Record<string, Manual>> = {
  kill: {
    usage:
      "kill NAME… [--fail | --retry | --remove] [--signal SIGNAL] [--ini FILE | --dir DIR] [--json]",
    about:
      "Ends running tasks, or running jobs by their names, with all processes that they started; " +
      "--fail, --retry or --remove says what becomes of them. That counts as no failure of theirs. Task code in a worker is asked " +
      `to end and killed a second later; a command gets SIGTERM, and SIGKILL after 5 s. ${NAMES}`,
    options: [
      INI,
      DIR,
      ["--fail", "the task is kept in failed/ (default); a job ends without its retries"],
      ["--retry", "it runs again, at once"],
      ["--remove", "the task is deleted"],
      ["--signal SIGNAL", "send TERM, INT, HUP, QUIT, USR1, … first, and SIGKILL after 5 s"],
      ["--json", "one line of JSON for each NAME"],
    ],
    examples: ["spooler kill 04_735042 --retry --ini site.ini", "spooler kill backup --signal INT"],
  },
  status: {
    usage: "status [--watch] [--check] [--ini FILE | --dir DIR] [--json]",
    about:
      "Shows on one screen what the running program does: spools and their rates, running tasks, " +
      "workers, targets, schedules, sockets, warnings. Without one it shows what is on disk. With " +
      "--check the exit code says whether all is well, by the rules of GET /healthz. Of a stream of NATS it shows " +
      "what is in it, its consumers, and the programs that work through it.",
    options: [
      INI,
      DIR_OR_STREAM,
      ["--watch", "draw it again each second, until Ctrl-C"],
      ["--check", "one line and an exit code: 0 all is well, 1 not, or no program runs"],
      ["--json", "one line of JSON with all of it"],
    ],
    examples: ["spooler status --ini site.ini", "spooler status --check --dir /var/spool/site"],
  },
};
