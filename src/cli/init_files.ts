/** What `spooler init` writes. @pure */

export const INIT_LANGUAGES = ["ts", "py", "sh"] as const;

export type InitLanguage = typeof INIT_LANGUAGES[number];

export interface SiteFile {
  readonly name: string;
  readonly text: string;
  readonly mode: number;
}

const HANDLER: Readonly<Record<InitLanguage, string>> = {
  ts: `; Its exported functions run tasks, each in one of the worker processes.
spooler-import = tasks.ts`,
  py: `; Its @spool functions run tasks, each in one of the worker processes.
spooler-import = tasks.py`,
  sh: `; A task whose ud_spool_func is "hello" runs this command. $SPOOL_NAME is its key "name".
spooler-task = name=hello ./hello`,
};

const TASK: Readonly<Record<InitLanguage, Omit<SiteFile, "mode">>> = {
  ts: {
    name: "tasks.ts",
    text: `/// <reference path="./uwsgi.d.ts" />

/** spooler push --ini site.ini ud_spool_func=hello name=world */
export function hello({ name }: TaskVars): void {
  // An error thrown here is a failure, and the task is retried later.
  console.log(\`Hello, \${name}!\`);
}
`,
  },
  py: {
    name: "tasks.py",
    text: `from uwsgidecorators import spool


@spool
def hello(args):
    """spooler push --ini site.ini ud_spool_func=hello name=world"""
    # An exception raised here is a failure, and the task is retried later.
    print("Hello, %s!" % args["name"])
`,
  },
  sh: {
    name: "hello",
    text: `#!/bin/sh
# spooler push --ini site.ini ud_spool_func=hello name=world
# An exit code other than 0 is a failure, and the task is retried later.
echo "Hello, $SPOOL_NAME!"
`,
  },
};

/** @param types the text of uwsgi.d.ts */
export function siteFiles(lang: InitLanguage, types: string): readonly SiteFile[] {
  return [
    { name: "site.ini", text: iniText(lang), mode: 0o644 },
    { ...TASK[lang], mode: lang === "sh" ? 0o755 : 0o644 },
    ...(lang === "ts" ? [{ name: "uwsgi.d.ts", text: types, mode: 0o644 }] : []),
    { name: ".gitignore", text: "/spool/\n/spool.*.cron-state*\n__pycache__/\n", mode: 0o644 },
  ];
}

function iniText(lang: InitLanguage): string {
  return `; Start it with: spooler --ini site.ini
; Every setting: spooler options. What this file does: spooler check site.ini
; A line that starts with ; is a comment. %d is the directory of this file.
[uwsgi]

; Tasks wait in this directory, one file each. It is made at the start.
spooler = %dspool

; How many tasks run at the same time.
spooler-processes = 2

${HANDLER[lang]}

; A failed task is retried with growing delays; after 5 retries it is kept in spool/failed/.
spooler-max-retries = 5

; A task that takes longer is killed, and has failed.
spooler-harakiri = 5m

; Every night at three: minute, hour, day of the month, month, weekday.
; cron = 0 3 * * * ./cleanup

; Every 30 seconds.
; timer2 = every=30s ./heartbeat

; Tasks from other programs on this machine: spooler push --to 127.0.0.1:3031
; socket = 127.0.0.1:3031
`;
}
