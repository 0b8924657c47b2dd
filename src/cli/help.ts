/** `spooler help`: the commands on one screen, one command, or the rows of the option table. */

import { knownNames } from "../config/options.ts";
import { nearest } from "../config/suggest.ts";
import { safeText } from "../report/safe_text.ts";
import { UsageError } from "./error.ts";
import { MANUALS } from "./manual.ts";
import type { Manual } from "./manual_parts.ts";
import { optionsText } from "./options.ts";

/** Twenty-five lines, so that nothing scrolls away. */
const OVERVIEW = `spooler runs background tasks, timers and cron jobs from one ini file.

Run it
  spooler init DIR           write an ini and a first task, to start from
  spooler --ini FILE         start; SIGTERM or Ctrl-C stops it when running tasks have ended
  spooler run-once FILE      run what is ready, and end: for cron, CI and containers
  spooler check FILE         show what FILE would do, and every mistake in it
  spooler status             show what goes on: tasks, workers, schedules, warnings
  spooler reload | options   have it read its ini again; list the settings of an ini
Tasks
  spooler push KEY=VALUE…    add a task
  spooler list               list tasks: ready, deferred, running, failed, done
  spooler show | log NAME    show a task; what it, or a job, printed; -f follows it
  spooler retry | wait NAME  run a failed or deferred task again, now; wait until it is done
  spooler kill | remove NAME end a running task or job; delete a task
  spooler pause | resume     start no more tasks; go on
Schedules
  spooler next | jobs        list the next runs; how each job's last run went
  spooler run-job | import-crontab   run a job now; turn a crontab into lines of an ini
More
  spooler types | python-client DIR | stream   files for TypeScript, for Python; streams of NATS
  spooler man | systemd-unit | completions   print a manual page, a unit, shell completion
  spooler help COMMAND       explain a command, with an example; --version: the version
The commands need --ini FILE, --dir DIR, or FILE in $SPOOLER_INI or $UWSGI_INI.
Exit codes: 0 success, 1 failure, 2 a mistake in the command line or the configuration.`;

export function help(args: readonly string[]): Promise<number> {
  const [word] = args;
  console.log(word === undefined ? OVERVIEW : helpOf(word));
  return Promise.resolve(0);
}

export function overview(): string {
  return OVERVIEW;
}

/** @throws {UsageError} when it is neither a command nor an option */
function helpOf(word: string): string {
  const manual = Object.hasOwn(MANUALS, word) ? MANUALS[word] : undefined;
  if (manual !== undefined) return manualText(manual);
  const text = optionsText(word.replace(/^-+/, ""));
  if (text !== undefined) return text;
  const near = nearest(word, [...Object.keys(MANUALS), ...knownNames()], 1);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new UsageError(`no command and no setting is called "${safeText(word)}"${hint}`);
}

const WIDTH = 78;

function manualText({ usage, about, options, examples }: Manual): string {
  const width = Math.max(0, ...options.map(([option]) => option.length)) + 2;
  return [
    `spooler ${usage}`,
    "",
    ...wrapped(about),
    ...(options.length === 0 ? [] : ["", "Options:"]),
    ...options.map(([option, help]) => `  ${option.padEnd(width)}${help}`),
    "",
    examples.length === 1 ? "Example:" : "Examples:",
    ...examples.map((example) => `  ${example}`),
  ].join("\n");
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
