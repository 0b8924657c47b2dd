/** `spooler --help`, made from the option table. */

import { CHAPTERS, type OptionRow } from "../config/options.ts";

const USAGE = `Usage:
  spooler --ini FILE               work through the spools, sockets and schedules of FILE
  spooler check FILE [--json]      say what FILE would do, and what is wrong with it
  spooler --ini FILE --show-config print what FILE comes to, as uWSGI does
  spooler options [WORD]           print the option table, or its rows with WORD
  spooler push [WHERE] KEY=VALUE…  put a task into a spool
  spooler list [FILTER]            show the tasks of a spool
  spooler show NAME                show everything about a task; --body: its body, as it is
  spooler retry NAME…              make failed or deferred tasks ready now
  spooler retry --all [FILTER]     make all failed tasks ready now
  spooler remove NAME…             take tasks away, for good
  spooler pause                    start no more tasks; those that run go on
  spooler resume                   the end of a pause
  spooler wait NAME                wait until a task is done (exit code 0) or has failed (1)
  spooler next --ini FILE          print the coming times of the schedules (-n 10, --job NAME)
  spooler jobs --ini FILE          print how each job went, and when it comes next
  spooler run-job NAME --ini FILE  run a job now, in the foreground
  spooler import-crontab [FILE]    print the lines of an ini for a crontab (--system, --user)
  spooler types                    print the types of task code in TypeScript (uwsgi.d.ts)
  spooler systemd-unit --ini FILE  print a systemd unit that runs FILE as a service
  spooler --help                   show this
  spooler --version                show the version

Where push puts a task:
  --ini FILE        the first spool of FILE (or the one that spooler=DIR names)
  --dir DIR         this spool directory
  --to ADDRESS      a peer that speaks uwsgi: HOST:PORT, the path of a unix socket, @NAME, or
                    tls://HOST:PORT (--ca FILE: trust these certificates, too)
What push adds to it:
  --at TIME         not before: seconds since the epoch, or a date such as 2026-12-24T18:00:00
  --priority N      lower numbers run first
  --body-file FILE  the body; - is standard input
  --secret-file FILE  (with --to) the secret that signs it, as spooler-secret has it

The commands from list on work on a directory whether or not the program runs, and leave alone what
runs. Each takes:
  --ini FILE        all spools of FILE
  --dir DIR         this spool directory
  --json            a line of JSON for each task; bytes that are no UTF-8 are base64, in a field of
                    its own (functionBase64, keyBase64, valueBase64)
A NAME is a file's name, with or without uwsgi_spoolfile_on_, or PRIORITY/NAME; failed/NAME when a
task of the same name waits. Up to 10000 tasks are listed in the order in which they run, more
as they are found.
What list filters by (retry --all: the last two):
  --state STATES    some of ready,deferred,running,failed
  --func NAME       tasks of this function
  --older TIME      made longer ago than 90s, 5m, 2h, 1d
What wait takes:
  --timeout TIME    give up after this time, with exit code 1

Exit codes: 0 done, 1 it did not work, 2 the command line or the configuration is wrong.
Signals: SIGTERM and SIGINT stop when what runs has ended, a second one or SIGQUIT kills it. SIGHUP
reloads the ini, SIGUSR1 logs a status, SIGUSR2 opens the log file anew.

Options, in the section [uwsgi] of the ini, or on the command line as --name value:
`;

const WIDTH = 36;

export function helpText(): string {
  return USAGE + CHAPTERS.map(({ title, rows }) => `\n${title}\n${rows.map(optionText).join("")}`)
    .join("");
}

/** One row of the table, over one line or two. */
export function optionText(row: OptionRow): string {
  const left = row.value ? `${row.name} = ${row.value}` : row.name;
  const fallback = row.fallback ? ` (default ${row.fallback})` : "";
  const planned = row.standing === "planned" ? " [not yet]" : "";
  const right = row.help + fallback + planned;
  if (left.length < WIDTH - 2) return `  ${left.padEnd(WIDTH - 2)}${right}\n`;
  return `  ${left}\n${" ".repeat(WIDTH)}${right}\n`;
}
