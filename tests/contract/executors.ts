/**
 * The kinds of handlers that must behave alike, and how each is made to do what a test needs:
 * functions of the same name do the same in all of them.
 *
 * Whatever a function has to tell it appends to the file `told` in its working directory, one line
 * at a time.
 */

import type { Need } from "../support/require.ts";
import { Hub, HUB_FUNCTIONS } from "./hub.ts";

export interface ExecutorKind {
  readonly name: string;
  readonly need: Need;
  /** Files beside the ini. */
  readonly files: Readonly<Record<string, string>>;
  /** Names of the functions that a task can ask it for. */
  readonly functions: ReadonlySet<string>;
  /** Runs in a process that lives from task to task. */
  readonly isWorker: boolean;
  /**
   * Lines of the ini for functions that work in a directory.
   *
   * @param stack closes what was opened for them, when the test is over
   */
  ini(workingDir: string, stack: AsyncDisposableStack): readonly string[];
}

const SHELL: Readonly<Record<string, string>> = {
  tell:
    'echo "$SPOOLER_FUNC $SPOOL_COLOUR $SPOOLER_ATTEMPT $(od -An -tu1 | tr -s " \\n" " ")" >> told',
  silent: ":",
  retry: "if [ -e tried ]; then echo again >> told; else touch tried; exit 75; fi",
  ignored: "exit 69",
  failing: 'echo failing >> told; echo "the reason" >&2; exit 3',
  attempt: 'echo "attempt $SPOOLER_ATTEMPT" >> told; exit 3',
  permanent: "exit 65",
  sleeping: "sleep 60",
  looping: "while :; do :; done",
  crashing: "kill -9 $$",
  printing: "echo to stdout; echo to stderr >&2",
  flooding: "yes 0123456789012345678901234567890123456789",
  place: 'echo "$(basename "$PWD") $FLAVOUR" > ../told',
  waiting: "echo waiting >> told; while ! test -e go; do sleep 0.02; done; echo went >> told",
};

const command: ExecutorKind = {
  name: "command",
  need: "libc",
  files: {},
  functions: new Set(Object.keys(SHELL)),
  isWorker: false,
  ini: (workingDir) => [
    "spooler = spool",
    `spooler-chdir = ${workingDir}`,
    ...Object.entries(SHELL).map(([name, code]) => `spooler-task = name=${name} ${code}`),
  ],
};

/** Task code in a module. */
function module(name: string, file: string, code: string, need: Need = "libc"): ExecutorKind {
  const names = [...code.matchAll(/^(?:def|export (?:async )?(?:function|const)) (\w+)/gm)];
  return {
    name,
    need,
    files: { [file]: code },
    functions: new Set(names.map(([, each]) => each as string)),
    isWorker: true,
    ini: (workingDir) => [
      "spooler = spool",
      `spooler-chdir = ${workingDir}`,
      `spooler-import = ${file}`,
    ],
  };
}

/** Its functions are the peer's. */
const forwarder: ExecutorKind = {
  name: "forwarder",
  need: "libc",
  files: {},
  functions: HUB_FUNCTIONS,
  isWorker: false,
  ini: (workingDir, stack) => [
    `spooler-forward = spool ${stack.use(new Hub(workingDir)).address}`,
  ],
};

const typescript = (types: boolean) => {
  const t = (text: string) => types ? text : "";
  const vars = t(": Record<string, string>");
  return `
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
${t('enum Words { Again = "again" }')}
${t("type Context = { attempt: number };")}
function note(line${t(": string")}) {
  Deno.writeTextFileSync("told", line + "\\n", { append: true });
}
export function tell(vars${vars}, body${t(": Uint8Array")}, context${t(": Context")}) {
  note([vars.ud_spool_func, vars.colour, context.attempt, ...body].join(" "));
}
export function silent() {}
export async function retry() {
  try {
    await Deno.stat("tried");
  } catch {
    await Deno.writeTextFile("tried", "");
    return uwsgi.SPOOL_RETRY;
  }
  note(${types ? "Words.Again" : '"again"'});
  return uwsgi.SPOOL_OK;
}
export const ignored = () => uwsgi.SPOOL_IGNORE;
export function failing() {
  note("failing");
  throw new Error("the reason");
}
export function attempt(_vars${vars}, _body${t(": Uint8Array")}, context${t(": Context")}) {
  note(\`attempt \${context.attempt}\`);
  throw new Error("as it should");
}
export async function permanent() {
  await Promise.resolve();
  throw new uwsgi.Permanent("it will never be");
}
export const sleeping = () => new Promise((resolve) => setTimeout(resolve, 60_000));
export function looping() {
  while (true);
}
export function crashing() {
  Deno.kill(Deno.pid, "SIGKILL");
  while (true);
}
export function printing() {
  console.log("to stdout");
  console.error("to stderr");
}
export function flooding() {
  while (true) console.log("0123456789".repeat(10));
}
export function leaving() {
  note(String(spawn("sleep", ["1000"], { stdio: "ignore" }).pid));
}
export async function waiting() {
  note("waiting");
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20));
  note("went");
}
export function place() {
  const cwd = Deno.cwd().split("/").at(-1);
  Deno.writeTextFileSync("../told", \`\${cwd} \${process.env.FLAVOUR}\\n\`);
}
export function process_id() {
  note(String(process.pid));
}
export function allocating() {
  const all${t(": unknown[]")} = [];
  while (true) all.push(new Array(1000).fill({}));
}
export function exiting() {
  process.exit(0);
}
export function closing() {
  Deno.stdin.close();
  Deno.stdout.close();
  Deno.stderr.close();
  console.log("closed");
}
export function stubborn() {
  Deno.addSignalListener("SIGTERM", () => {});
  note("stubborn");
}
export const beaten = 5;
`;
};

const PYTHON = `
import os, signal, subprocess, sys, time
import uwsgi
from uwsgidecorators import spool

def note(line):
    with open("told", "a") as out:
        out.write(line + "\\n")

@spool
def tell(env):
    body = env.get("body", b"")
    if isinstance(body, str):
        body = body.encode()
    note(" ".join([env["ud_spool_func"], env["colour"], "1", *map(str, body)]))
    return uwsgi.SPOOL_OK

@spool
def silent(env):
    return uwsgi.SPOOL_OK

@spool
def retry(env):
    if not os.path.exists("tried"):
        open("tried", "w").close()
        return uwsgi.SPOOL_RETRY
    note("again")
    return uwsgi.SPOOL_OK

@spool
def ignored(env):
    return uwsgi.SPOOL_IGNORE

@spool
def failing(env):
    note("failing")
    raise RuntimeError("the reason")

@spool
def permanent(env):
    raise uwsgi.Permanent("it will never be")

@spool
def sleeping(env):
    time.sleep(60)

@spool
def looping(env):
    while True:
        pass

@spool
def crashing(env):
    os.kill(os.getpid(), signal.SIGKILL)

@spool
def printing(env):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    return uwsgi.SPOOL_OK

@spool
def flooding(env):
    while True:
        print("0123456789" * 10)

@spool
def leaving(env):
    note(str(subprocess.Popen(["sleep", "1000"]).pid))
    return uwsgi.SPOOL_OK

@spool
def waiting(env):
    note("waiting")
    while not os.path.exists("go"):
        time.sleep(0.02)
    note("went")
    return uwsgi.SPOOL_OK

@spool
def place(env):
    with open("../told", "w") as out:
        out.write("%s %s\\n" % (os.path.basename(os.getcwd()), os.environ["FLAVOUR"]))
    return uwsgi.SPOOL_OK

@spool
def process_id(env):
    note(str(os.getpid()))
    return uwsgi.SPOOL_OK

@spool
def allocating(env):
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
    everything = []
    while True:
        everything.append(bytearray(1 << 20))

@spool
def exiting(env):
    os._exit(0)

@spool
def closing(env):
    os.closerange(0, 10)
    print("closed")
    return uwsgi.SPOOL_OK

@spool
def stubborn(env):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("stubborn")
    return uwsgi.SPOOL_OK

beaten = 5
`;

export const EXECUTORS: readonly ExecutorKind[] = [
  command,
  module("TypeScript", "tasks.ts", typescript(true)),
  module("JavaScript", "tasks.js", typescript(false)),
  module("Python", "tasks.py", PYTHON, "python"),
  forwarder,
];
