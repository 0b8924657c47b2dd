/**
 * Inis as sites have them: Django and Flask behind nginx, application hosts, cron-heavy ones, with
 * loops, conditions and placeholders. `check` says of each what a stranger needs to know, and what it
 * calls fine starts. Some run always, all of them with SPOOLER_PUBLIC_INIS=all (`deno task test:inis`).
 */

import { dirname, join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

const FILES: Readonly<Record<string, string>> = {
  "mysite/__init__.py": "",
  "mysite/wsgi.py": "from mysite import tasks\ndef application(environ, start): return []\n",
  "mysite/tasks.py": `
from uwsgidecorators import *
@spool
def send_mail(args): pass
@timer(30, target="spooler")
def tick(number): pass
@cron(59, 3, -1, -1, -1, target="spooler")
def nightly(number): pass
@filemon("/tmp", target="spooler")
def changed(number): pass
@rpc("hello")
def hello(): return "x"
@mulefunc
def mule(): pass
@postfork
def forked(): pass
@lock
def locked(): pass
@thread
def threaded(): pass
`,
  "app/app.py": `
import uwsgi
from uwsgidecorators import spool
@spool(pass_arguments=True)
def work(a, b=1): pass
app = lambda environ, start: []
def create_app(): return app
`,
};

interface Site {
  readonly what: string;
  /** Runs always. */
  readonly always?: true;
  readonly ini: string;
  /** What check prints, on stdout when it can start, else on stderr; blanks are one. */
  readonly says: readonly RegExp[];
  readonly starts: boolean;
}

const SITES: readonly Site[] = [
  {
    what: "Django behind nginx, with its own placeholders",
    always: true,
    ini: `project = mysite
base = %d
chdir = %(base)
module = %(project).wsgi:application
master = true
processes = 5
socket = %(base)%(project).sock
chmod-socket = 664
vacuum = true
spooler = %(base)spool
spooler-processes = 2
spooler-frequency = 10
spooler-max-tasks = 100
die-on-term = true`,
    says: [
      /send_mail \S+mysite\/tasks\.py:3/,
      /tasks\/nightly signal 1 \S+ 59 3 -1 -1 -1/,
      /mode 664/,
    ],
    starts: true,
  },
  {
    what: "Flask with mules",
    ini: `wsgi-file = app/app.py
callable = app
pythonpath = app
http = :8080
enable-threads = true
lazy-apps = true
harakiri = 60
spooler = tasks
spooler-quiet = true
spooler-harakiri = 120
import = app
mules = 2`,
    says: [/work \S+app\.py:4/, /harakiri after 2 min/, /without effect here: callable/],
    starts: true,
  },
  {
    what: "a legion",
    ini: `legion = mylegion 225.1.1.1:4242 98 bf-cbc:hello
legion-cron = mylegion -1 -1 -1 -1 -1 /usr/bin/true
cron2 = legion=mylegion,minute=-2 /usr/bin/true
spooler = tasks`,
    says: [/legion-cron is refused: the job would never run/, /every machine would run it/],
    starts: false,
  },
  {
    what: "an emperor",
    ini: "emperor = vassals\nemperor-stats = 127.0.0.1:5000\nlogto = %demperor.log",
    says: [/It has no spooler and no schedule: there is nothing to do/, /emperor/],
    starts: false,
  },
  {
    what: "loops, conditions and placeholders",
    always: true,
    ini: `if-env = NO_SUCH_PORT
http = :$(NO_SUCH_PORT)
endif =
if-not-env = NO_SUCH_PORT
http = :8000
endif =
for = alpha beta
cron2 = name=%(_),minute=-5 echo %(_)
endfor =
set-placeholder = tasks=%dq_%n
spooler = %(tasks)
spooler-task = env
env = SITE=%n`,
    says: [/alpha echo alpha/, /beta echo beta/, /q_site one task at a time/],
    starts: true,
  },
  {
    what: "a daemon's log and pidfile where there is no directory",
    ini:
      "daemonize = %dlog/uwsgi.log\npidfile = %drun/uwsgi.pid\nspooler = spool\nmodule = mysite.wsgi",
    says: [
      /daemonize needs \S+\/log to be a directory/,
      /pidfile needs \S+\/run to be a directory/,
    ],
    starts: false,
  },
  {
    what: "mostly cron",
    always: true,
    ini: `cron = 0 2 -1 -1 -1 /usr/bin/find /tmp -mtime +7 -delete
cron = -15 -1 -1 -1 -1 %dvenv/bin/python3 manage.py clearsessions >> %dcron.log 2>&1
unique-cron = 7 7 7 7 -1 flock -n /tmp/x.lock ./import.sh
cron2 = minute=0,hour=4,unique=1,harakiri=600 curl -fsS https://example.com/cron?token=abc
cron2 = minute=30,week=1 ./weekly
cron = 59 23 31 12 -1 ./newyear
cron-harakiri = 300`,
    says: [/find \/usr\/bin\/find/, /manage\.py \S+python3/, /import\.sh flock/, /token=\*{8}/],
    starts: true,
  },
  {
    what: "what is left to the environment, and is not there",
    ini: "http-socket = :$(NO_SUCH_PORT)\nmodule = mysite.wsgi\nspooler = spool",
    says: [/send_mail/, /http-socket/],
    starts: true,
  },
  {
    what: "two mounted applications",
    ini: `mount = /a=mysite.wsgi:application
mount = /b=app/app.py
manage-script-name = true
pythonpath = %d
spooler = %dspool`,
    says: [/send_mail \S+tasks\.py:3/, /work \S+app\.py:4/],
    starts: true,
  },
  {
    what: "an application that is made, strict order, no idle workers",
    ini: "module = app.app:create_app()\nspooler = %dspool\nspooler-ordered\nspooler-cheap",
    says: [/strict order/, /no worker while there is nothing to do/, /work \S+app\.py:4/],
    starts: true,
  },
  {
    what: "conditions on files, and another section",
    ini: `if-exists = %dmysite/wsgi.py
module = mysite.wsgi
endif =
if-file = /nope
spooler = /nope
endif =
if-dir = %dmysite
spooler = %dspool
endif =
if-opt = spooler
cron = 1 1 -1 -1 -1 echo has spooler
endif =
ini = :extra
[extra]
spooler-processes = 3`,
    says: [/3 tasks at a time/, /echo has spooler/],
    starts: true,
  },
  {
    what: "everything that a web server has besides",
    ini: `route = ^/x break:403
alarm = m cmd:mail root
cache2 = name=c,items=100
locks = 3
attach-daemon = redis-server
exec-asap = true
py-autoreload = 1
static-map = /static=%d
cheaper = 2
workers = 8
thunder-lock
auto-procname
reload-on-rss = 512
spooler = spool
import = mysite.tasks`,
    says: [/without effect here/, /route, cheaper, workers|route/, /send_mail/],
    starts: true,
  },
  {
    what: "placeholders of another tool",
    ini: "project_home = /srv\nspooler = ${project_home}/spool\nimport = mysite.tasks",
    says: [/a placeholder is %\(name\) or \$\(NAME\), not \$\{project_home\}/],
    starts: false,
  },
  {
    what: "slips of the pen",
    always: true,
    ini: `\tchdir\t=\t%d
spooler = spool
socket: own.sock
import = mysite.tasks
spooler-processes = 2   # two
Spooler-Frequency = 5`,
    says: [
      /socket has no effect: it needs an = before its value/,
      /spooler-processes is read as 2/,
      /did you mean spooler-frequency\?/,
    ],
    starts: true,
  },
  {
    what: "strict, with a slip",
    ini: "strict = true\nspooler = spool\nspooler-frequnecy = 5\nimport = mysite.tasks",
    says: [
      /spooler-frequnecy is not an option, and strict is set; did you mean spooler-frequency\?/,
    ],
    starts: false,
  },
  {
    what: "a second program on the spool",
    ini: `spooler = %dspool
spooler-external = %dother
import = mysite.tasks
cron = 5 * * * * echo five stars`,
    says: [/another program runs them/, /cron echo would run twice/],
    starts: true,
  },
  {
    what: "a module that is not there, and one with a mistake",
    ini: "spooler = spool\nspooler-import = mysite.nothing",
    says: [/site\.ini:3: .*mysite\.nothing/],
    starts: false,
  },
  {
    what: "the same module twice, and shared",
    ini: `vhost = true
socket = /nowhere/%n.sock
spooler = spool
import = mysite.tasks
shared-import = mysite.tasks`,
    says: [/socket needs \/nowhere to be a directory/],
    starts: false,
  },
  {
    what: "TypeScript beside Python",
    ini: "spooler = spool\nspooler-import = mysite/tasks.py\nspooler-import = tasks.ts",
    says: [/tasks\.ts JavaScript|tasks\.ts/, /send_mail/, /resize/],
    starts: true,
  },
  {
    what: "a database password in the environment",
    always: true,
    ini: `env = DATABASE_URL=postgres://u:hunter22@db/x
spooler = spool
spooler-task = psql postgres://u:hunter22@db/x -c vacuum`,
    says: [/psql postgres:\/\/u:\*{8}@db\/x/],
    starts: true,
  },
];

const isAll = Deno.env.get("SPOOLER_PUBLIC_INIS") === "all";

for (const { what, ini, says, starts, always } of SITES) {
  if (!isAll && always !== true) continue;
  testWith("python", `${programLabel}: an ini with ${what}`, async () => {
    await using temp = await tempDir();
    const dir = temp.path;
    const files = { ...FILES, "tasks.ts": "export function resize() {}\n" };
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(dir, name)), { recursive: true });
      await Deno.writeTextFile(join(dir, name), text);
    }
    const file = join(dir, "site.ini");
    await Deno.writeTextFile(file, `[uwsgi]\n${ini}\n`);
    const { code, stdout, stderr } = await spooler(["check", file]);
    const said = (stdout + stderr).replace(/\s+/g, " ");
    for (const pattern of says) assertMatch(said, pattern, `${stdout}${stderr}`);
    if (!starts) return;
    assertEquals(code, 0, stderr);
    await using program = await Program.start(["--ini", file], { cwd: dir });
    assertEquals(await program.stop(), 0);
    // The directory has a name by chance.
    const log = program.log.replaceAll(dir, "");
    assert(!/cannot be loaded|hunter22|abc/.test(log), log);
  });
}
