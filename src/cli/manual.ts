/**
 * What `spooler help COMMAND` says of each command. It is longer than 300 lines because it is one list.
 *
 * @pure
 */

import {
  DIR,
  DIR_OR_STREAM,
  INI,
  JSON_LINES,
  JSON_SPOOLS,
  type Manual,
  NAMES,
  STREAM_NAMES,
} from "./manual_parts.ts";
import { RUNNING_MANUALS } from "./manual_running.ts";

/** The manual pages by the words that name them. */
export const MAN_PAGES = {
  spooler: "spooler.1",
  ini: "spooler.ini.5",
  spool: "spooler-spool.5",
} as const;

export const MANUALS: Readonly<Record<string, Manual>> = {
  init: {
    usage: "init DIR [--lang LANGUAGE]",
    about:
      "Writes a commented site.ini, a first task and a .gitignore into DIR, and prints the two " +
      "commands to run next. It asks nothing and overwrites nothing.",
    options: [["--lang LANGUAGE", "of the task: ts (default), py or sh"]],
    examples: ["spooler init mysite", "spooler init mysite --lang py"],
  },
  run: {
    usage: "[run] --ini FILE [--OPTION VALUE…]",
    about:
      "Runs the tasks, sockets and schedules of FILE until a signal stops it. SIGTERM or SIGINT " +
      "stops it when running tasks have ended, or after worker-reload-mercy (60 s); sent again, or " +
      "SIGQUIT, it stops now. SIGHUP reloads FILE, SIGUSR1 logs what runs, SIGUSR2 reopens the log.",
    options: [
      ["--OPTION VALUE", "any setting of an ini; spooler options lists them"],
      ["--show-config", "print the settings that result from FILE, as uWSGI does, and stop"],
    ],
    examples: ["spooler --ini site.ini", "spooler --spooler /var/spool/site --spooler-task ./run"],
  },
  reload: {
    usage: "reload [--ini FILE | --pidfile FILE]",
    about:
      "Has the running program read its ini again: it sends SIGHUP to the process of the ini's " +
      "pidfile. An ini with which it could not start is an error here, and nothing is sent.",
    options: [
      ["--ini FILE", "the ini, which has a pidfile (default: $SPOOLER_INI or $UWSGI_INI)"],
      ["--pidfile FILE", "the file that says which process; the program checks the ini alone"],
    ],
    examples: ["spooler reload --ini site.ini"],
  },
  "run-once": {
    usage: "run-once FILE [--OPTION VALUE…]",
    about:
      "Runs the tasks that are ready, and those they add, and ends; deferred tasks and later " +
      "retries stay. No socket is opened, no job started; the program may run beside it. The last " +
      "line counts. Exit code 0: all went well; 1: a task failed, or could not run. " +
      "spooler --ini FILE --drain is the same.",
    options: [["--OPTION VALUE", "any setting of an ini; spooler options lists them"]],
    examples: ["spooler run-once site.ini", "spooler run-once site.ini --spooler-max-retries 3"],
  },
  check: {
    usage: "check FILE [--json | --format gcc] [--connect]",
    about:
      "Shows what FILE would do: spools, task functions, sockets, and each job with its next runs. " +
      "It finds every mistake, and whatever on this machine would keep the program from starting. " +
      "Task modules are loaded, nothing else runs. Exit code 0: it can start; 2: it cannot.",
    options: [
      ["--json", "the same as JSON"],
      ["--format gcc", "mistakes alone, as FILE:LINE: error: … or warning: …, for editors and CI"],
      ["--show-config", "print the settings that result from FILE, as uWSGI does"],
      ["--connect", "ask the servers of streams of NATS what they keep, and how safely"],
    ],
    examples: ["spooler check site.ini"],
  },
  options: {
    usage: "options [WORD] [--markdown | --schema]",
    about: "Lists the settings of an ini, or those that have WORD in their name or description.",
    options: [
      ["--markdown", "print docs/options.md"],
      ["--schema", "print a JSON Schema of the settings, for editors"],
    ],
    examples: ["spooler options retry"],
  },
  push: {
    usage:
      "push [--ini FILE | --dir DIR | --to ADDRESS] KEY=VALUE… | -- COMMAND ARG… | --lines FILE",
    about:
      "Adds a task, or many with --lines. ud_spool_func names the function that runs it. Behind -- is a command that runs " +
      "in this directory, where the ini says spooler-shell = true. With --wait the exit code is the " +
      "task's: 0 when it is done, else that of its command, or 1. In a stream spooler_id=ID stores what " +
      "has the same ID once.",
    options: [
      [
        "--ini FILE",
        "to the first spool of FILE, or the one of spooler=DIR (default: $SPOOLER_INI)",
      ],
      [
        "--dir DIR",
        "to this spool directory, or to nats://HOST:PORT/STREAM with the login of --ini",
      ],
      ["--to ADDRESS", "to a server: HOST:PORT, a unix socket, @NAME, or tls://HOST:PORT"],
      ["--at TIME", "not before: 5m (from now), 18:00, tomorrow 09:00, 2026-12-24T18:00:00"],
      ["--priority N", "lower numbers run first"],
      ["--after NAME,NAME", "not before these tasks of the spool are done"],
      [
        "--unique KEY",
        "not if one with this key of the function waits: then print that one's name",
      ],
      ["--unique-until START", "start: while the other waits (default); done: or runs"],
      ["--unique-mode MODE", "keep: the other stays (default); replace: it goes"],
      ["--body-file FILE", "the task's body; - is standard input"],
      ["--lines FILE", "many tasks, each a line of JSON with its keys; - is standard input"],
      ["--wait", "wait until it is done or given up"],
      ["--timeout TIME", "with --wait: stop waiting after that, with exit code 1"],
      ["--create", "with --dir: make the directory if it is not there"],
      ["--json", "one line of JSON for each task"],
      ["--secret-file FILE", "with --to: sign the task with this key (spooler-secret)"],
      ["--ca FILE", "with tls://: trust these certificates, too"],
    ],
    examples: [
      "spooler push --ini site.ini ud_spool_func=send_mail to=a@example.org",
      "spooler push --ini site.ini --wait -- make -C /srv/site",
    ],
  },
  list: {
    usage: "list [--ini FILE | --dir DIR] [FILTER] [--json]",
    about:
      "Lists tasks in the order in which they run, whether or not the program runs. More than " +
      "10000 are listed in the order in which they are found. What is done is listed as far as the " +
      "history has it, the last one first. Of a stream running is what a program that answers has.",
    options: [
      INI,
      DIR_OR_STREAM,
      ["--state STATES", "some of ready,deferred,running,failed,done"],
      ["--func NAME", "tasks of this function"],
      ["--older TIME", "tasks made longer ago than 90s, 5m, 2h or 1d"],
      JSON_LINES,
    ],
    examples: [
      "spooler list --ini site.ini --state failed --older 1h",
      "spooler list --dir nats://a:4222/mail --ini site.ini",
    ],
  },
  show: {
    usage: "show NAME [--ini FILE | --dir DIR] [--body | --json] [--reveal]",
    about:
      "Shows one task: its keys, its failures, the end of its error output, and its runs; of one that " +
      `is gone, its runs. ${NAMES} ${STREAM_NAMES}`,
    options: [INI, DIR_OR_STREAM, ["--body", "print its body, byte for byte"], JSON_LINES, [
      "--reveal",
      "print values that look like secrets, too",
    ]],
    examples: ["spooler show failed/web1_6263_1_0_1795431827_487000 --ini site.ini"],
  },
  log: {
    usage: "log NAME [-f] [--attempt N] [--ini FILE | --dir DIR] [--raw | --json]",
    about:
      "Prints what a task or a job wrote in its last run, with times; lines of stderr are marked with " +
      "!. The ini says what is kept: spooler-output = all or failed. " + NAMES,
    options: [
      INI,
      DIR,
      ["-f, --follow", "follow it to the end of the run, or from its start on when it waits"],
      ["--attempt N", "of that attempt; of a job, at its last slot"],
      ["--raw", "the lines alone: those of stdout to stdout, those of stderr to stderr"],
      ["--json", "one line of JSON for each line of output"],
    ],
    examples: [
      "spooler log --ini site.ini -f web1_6263_1_0_1795431827_487000",
      "spooler log --ini site.ini nightly",
    ],
  },
  retry: {
    usage: "retry NAME… | --all [--ini FILE | --dir DIR] [--json]",
    about:
      `Makes failed and deferred tasks ready now. Running tasks are left alone. ${NAMES} ${STREAM_NAMES}`,
    options: [
      INI,
      DIR_OR_STREAM,
      ["--all", "every failed task"],
      ["--func NAME", "with --all: of this function"],
      ["--older TIME", "with --all: made longer ago than 90s, 5m, 2h or 1d"],
      JSON_LINES,
    ],
    examples: ["spooler retry --all --func send_mail --ini site.ini"],
  },
  remove: {
    usage: "remove NAME… [--ini FILE | --dir DIR] [--json]",
    about: `Deletes tasks. Running tasks are left alone. ${NAMES} ${STREAM_NAMES}`,
    options: [INI, DIR_OR_STREAM, JSON_LINES],
    examples: ["spooler remove 1/web1_6263_1_0_1795431827_487000 --dir /var/spool/site"],
  },
  ...RUNNING_MANUALS,
  pause: {
    usage: "pause [--ini FILE | --dir DIR] [--json]",
    about:
      "Starts no more tasks until spooler resume, also after a restart. Running tasks go on, new " +
      "ones are accepted. A stream is paused for all programs that work through it, within a second.",
    options: [INI, DIR_OR_STREAM, JSON_SPOOLS],
    examples: ["spooler pause --ini site.ini"],
  },
  resume: {
    usage: "resume [--ini FILE | --dir DIR] [--json]",
    about: "Ends a pause.",
    options: [INI, DIR_OR_STREAM, JSON_SPOOLS],
    examples: ["spooler resume --ini site.ini"],
  },
  wait: {
    usage: "wait NAME… [--timeout TIME] [--ini FILE | --dir DIR] [--json]",
    about:
      "Waits until tasks are done (exit code 0). The exit code is 1 when one has been given up and " +
      "moved to failed/, or is neither in the spool nor in its history. " +
      `${NAMES} ${STREAM_NAMES}`,
    options: [INI, DIR_OR_STREAM, [
      "--timeout TIME",
      "stop waiting after 90s, 5m, 2h or 1d, with exit code 1",
    ], JSON_LINES],
    examples: ['spooler wait "$(spooler push --ini site.ini ud_spool_func=build)" --ini site.ini'],
  },
  next: {
    usage: "next [--ini FILE] [-n N] [--job NAME] [--json]",
    about: "Lists the next runs of the schedules.",
    options: [
      ["--ini FILE", "the schedules of FILE (default: $SPOOLER_INI or $UWSGI_INI)"],
      ["-n N", "so many (default: 10)"],
      ["--job NAME", "of this job"],
      ["--json", "one line of JSON for each run"],
    ],
    examples: ["spooler next --ini site.ini -n 5"],
  },
  jobs: {
    usage: "jobs [--ini FILE] [--job NAME] [--history] [--json]",
    about:
      "Lists each job: its schedule, how its last runs went, whether it runs, when it runs next, and " +
      "what it does.",
    options: [
      ["--ini FILE", "the schedules of FILE (default: $SPOOLER_INI or $UWSGI_INI)"],
      ["--job NAME", "this job only"],
      ["--history", "list the runs that the history has, the last one first"],
      ["--json", "one line of JSON for each job, or for each run"],
    ],
    examples: ["spooler jobs --ini site.ini"],
  },
  "run-job": {
    usage: "run-job NAME [--ini FILE]",
    about:
      "Runs a job now, in the foreground, with its environment, user, limits and retries. Its " +
      "schedule does not change; the history has the run, and spooler kill ends it. Exit code 0: it " +
      "succeeded; 1: it failed.",
    options: [["--ini FILE", "the schedules of FILE (default: $SPOOLER_INI or $UWSGI_INI)"]],
    examples: ["spooler run-job backup --ini site.ini"],
  },
  "import-crontab": {
    usage: "import-crontab [FILE] [--system | --user]",
    about:
      "Prints the ini lines for a crontab, to review and paste. Without FILE, or with -, it reads " +
      "standard input.",
    options: [
      ["--system", "its lines name a user, as in /etc/crontab"],
      ["--user", "its lines name no user, as in crontab -l"],
    ],
    examples: ["crontab -l | spooler import-crontab"],
  },
  types: {
    usage: "types",
    about: "Prints uwsgi.d.ts: the types that TypeScript task code uses.",
    options: [],
    examples: ["spooler types > uwsgi.d.ts"],
  },
  stream: {
    usage: "stream create|show nats://HOST:PORT[,nats://HOST:PORT…]/STREAM [--ini FILE]",
    about:
      "Makes a stream of NATS JetStream for tasks, the stream for those that were given up, and the " +
      "store of large bodies; or shows them. create changes what is there already and has other " +
      "settings. What could cost tasks is said on standard error.",
    options: [
      ["--ini FILE", "log in as its spooler-nats says (default: $SPOOLER_INI or $UWSGI_INI)"],
      ["--replicas N", "servers that keep each task: 1 (default), 3 or 5"],
      ["--dedup-window TIME", "how long to remember the ids of tasks (default: 1h)"],
      ["--max-tasks N", "refuse more tasks than these (default: no limit)"],
      ["--json", "one line of JSON"],
    ],
    examples: ["spooler stream create nats://a:4222,nats://b:4222,nats://c:4222/mail --replicas 3"],
  },
  "python-client": {
    usage: "python-client DIR",
    about:
      "Writes uwsgi.py, uwsgidecorators.py and spooler_client.py into DIR, with which any Python " +
      "program puts tasks: a web process under gunicorn, for one. An earlier client is replaced.",
    options: [],
    examples: ["spooler python-client /srv/site/lib"],
  },
  "systemd-unit": {
    usage: "systemd-unit --ini FILE",
    about: "Prints a systemd unit that runs FILE as a service.",
    options: [["--ini FILE", "the ini of the service"]],
    examples: ["spooler systemd-unit --ini /etc/spooler/site.ini"],
  },
  man: {
    usage: "man [spooler | ini | spool]",
    about:
      "Shows a manual page: of the commands, of the settings of an ini, or of a spool's files. " +
      "Into a file or a pipe it prints the source of the page.",
    options: [],
    examples: ["spooler man", "spooler man ini > /usr/local/share/man/man5/spooler.ini.5"],
  },
  completions: {
    usage: "completions bash | zsh | fish",
    about:
      "Prints a script that completes commands, options, and the names of tasks, functions and " +
      "jobs in this shell.",
    options: [],
    examples: [
      "source <(spooler completions bash)",
      "spooler completions fish > ~/.config/fish/completions/spooler.fish",
    ],
  },
  help: {
    usage: "help [COMMAND | OPTION]",
    about: "Explains a command or a setting of an ini.",
    options: [],
    examples: ["spooler help push", "spooler help spooler-frequency"],
  },
};
