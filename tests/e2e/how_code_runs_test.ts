/** Tries each cell of the table in docs/how-code-runs.md. */

import { dirname, join } from "@std/path";
import { mayUse } from "../../src/platform/access.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { commandLine, executable, Program, programLabel, spooler } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { isRunning } from "../support/processes.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const PAGE = new URL("../../docs/how-code-runs.md", import.meta.url);

type Facts = Readonly<Record<string, string>>;

/** What is different in the ini, and how that shows in the facts of code that it reaches. */
interface Probe {
  readonly lines: readonly string[];
  /** Of each line that takes settings. */
  readonly setting?: string;
  /** All code takes several seconds, unless it is ended. */
  readonly isLong?: true;
  /**
   * All code starts a child. It goes on when the program is stopped at once, or ends by itself and
   * leaves the child behind when the program stops.
   */
  readonly child?: "while it runs" | "left behind";
  readonly needsRoot?: true;
  /** Workers run as nobody, who must be able to reach the runtime. */
  readonly isNobody?: true;
  reaches(facts: Facts, dir: string): boolean;
}

/** Longer than the limit of a second, and the second that a module's task has to end by itself. */
const LONG_S = 6;
const LONG_PATIENCE_MS = 60_000;
/** Longer than any test. */
const ENDLESS_S = 300;

/** One that every user may run; root's own may be below its home. */
const SYSTEM_PYTHON = "/usr/bin/python3";

const PROBES: Readonly<Record<string, Probe>> = {
  "chdir": { lines: ["chdir = there"], reaches: ({ cwd }, dir) => cwd === `${dir}/there` },
  "spooler-chdir": {
    lines: ["spooler-chdir = there"],
    reaches: ({ cwd }, dir) => cwd === `${dir}/there`,
  },
  "chdir2": { lines: ["chdir2 = there"], reaches: ({ cwd }, dir) => cwd === `${dir}/there` },
  "env": { lines: ["env = PROBE=set"], reaches: ({ probe }) => probe === "set" },
  "unenv": { lines: ["unenv = GIVEN"], reaches: ({ given }) => given === "" },
  "binsh": {
    lines: ["binsh = /no/shell", "binsh = /bin/bash"],
    reaches: ({ bash }) => bash !== "",
  },
  "umask": { lines: ["umask = 027"], reaches: ({ umask }) => Number(umask) === 27 },
  "uid": {
    lines: ["uid = nobody"],
    needsRoot: true,
    isNobody: true,
    reaches: ({ uid }) => uid === "65534",
  },
  "gid": { lines: ["gid = 1"], needsRoot: true, reaches: ({ gid }) => gid === "1" },
  "add-gid": {
    lines: ["uid = nobody", "add-gid = 1"],
    needsRoot: true,
    isNobody: true,
    reaches: ({ groups = "" }) => groups.split(" ").includes("1"),
  },
  "spooler-uid": {
    lines: ["spooler-uid = nobody", `python = ${SYSTEM_PYTHON}`],
    needsRoot: true,
    isNobody: true,
    reaches: ({ uid }) => uid === "65534",
  },
  "spooler-harakiri": {
    lines: ["spooler-harakiri = 1", "spooler-processes = 3"],
    isLong: true,
    reaches: ({ survived }) => survived !== "yes",
  },
  "cron-harakiri": {
    lines: ["cron-harakiri = 1", "spooler-processes = 3"],
    isLong: true,
    reaches: ({ survived }) => survived !== "yes",
  },
  "harakiri=": {
    lines: ["spooler-processes = 3"],
    setting: "harakiri=1",
    isLong: true,
    reaches: ({ survived }) => survived !== "yes",
  },
  "user=": {
    lines: [],
    setting: "user=nobody",
    needsRoot: true,
    reaches: ({ uid }) => uid === "65534",
  },
  "output in the log": { lines: [], reaches: ({ logged }) => logged === "yes" },
  "own session": { lines: [], reaches: ({ session, pid }) => session === pid },
  "ends with its children": {
    lines: ["spooler-processes = 4"],
    child: "while it runs",
    reaches: ({ childRuns }) => childRuns === "no",
  },
  "a child left behind goes on": {
    lines: ["spooler-processes = 4"],
    child: "left behind",
    reaches: ({ childRuns }) => childRuns === "yes",
  },
  "empty stdin": { lines: [], reaches: ({ stdin }) => stdin === "/dev/null" },
};

/** A command that notes the facts about itself; also one that fails. */
const COMMAND = `#!/bin/sh
if [ -n "$CHILD" ]; then sleep "$CHILD" > /dev/null 2>&1 & fi
echo "$1|child=$!|cwd=$PWD|probe=$PROBE|given=$GIVEN|umask=$(umask)|bash=$2|session=$(cut -d' ' -f6 /proc/$PPID/stat)|pid=$PPID|stdin=$(readlink /proc/$PPID/fd/0)|uid=$(id -u)|gid=$(id -g)|groups=$(id -G)" >> "$LEDGER"
echo "printed by $1;"
if [ -n "$LONG" ]; then sleep "$LONG"; echo "$1|survived=yes" >> "$LEDGER"; fi
exit "\${3:-0}"
`;
/** The shell under test calls the command, and is its parent. */
const call = (name: string, code = 0) => `$SITE/note ${name} "$BASH_VERSION" ${code}; exit $?`;

const PYTHON = `import os, subprocess, time
from uwsgidecorators import spool
@spool
def python(env):
    pid = os.getpid()
    facts = {"cwd": os.getcwd(), "probe": os.environ.get("PROBE", ""), "given": os.environ.get("GIVEN", ""),
        "bash": "", "session": os.getsid(0), "pid": pid, "umask": [line.split()[1] for line in open("/proc/self/status") if line.startswith("Umask")][0], "stdin": os.readlink("/proc/self/fd/0"),
        "uid": os.getuid(), "gid": os.getgid(),
        "groups": " ".join(map(str, os.getgroups()))}
    if os.environ.get("CHILD"):
        facts["child"] = subprocess.Popen(["sleep", os.environ["CHILD"]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
    print("printed by Python;")
    with open(os.environ["LEDGER"], "a") as file:
        file.write("Python|" + "|".join("%s=%s" % each for each in facts.items()) + "\\n")
    if os.environ.get("LONG"):
        time.sleep(int(os.environ["LONG"]))
        with open(os.environ["LEDGER"], "a") as file:
            file.write("Python|survived=yes\\n")
`;
const TYPESCRIPT = `function child(): number | string {
  const seconds = Deno.env.get("CHILD");
  if (!seconds) return "";
  const none = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const spawned = new Deno.Command("sleep", { args: [seconds], ...none }).spawn();
  spawned.unref();
  return spawned.pid;
}
export async function typescript(): Promise<void> {
  const session = Deno.readTextFileSync("/proc/self/stat").split(" ")[5];
  const facts = { cwd: Deno.cwd(), probe: Deno.env.get("PROBE") ?? "", given: Deno.env.get("GIVEN") ?? "",
    bash: "", session, umask: Deno.umask().toString(8), pid: Deno.pid, stdin: Deno.readLinkSync("/proc/self/fd/0"),
    uid: Deno.uid(), gid: Deno.gid(), child: child(),
    groups: /^Groups:\\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1].trim() };
  const note = (text: string) =>
    Deno.writeTextFileSync(Deno.env.get("LEDGER")!, "TypeScript|" + text + "\\n", { append: true });
  console.log("printed by TypeScript;");
  const text = Object.entries(facts).map(([key, value]) => key + "=" + value).join("|");
  note(text);
  const long = Number(Deno.env.get("LONG") || 0);
  if (long === 0) return;
  await new Promise((resolve) => setTimeout(resolve, long * 1000));
  note("survived=yes");
}
`;

/** Columns that stand for two kinds of lines; the others are called in the ledger as in the table. */
const KINDS: Readonly<Record<string, readonly [ofCron2: string, ofTimer2: string]>> = {
  "on-failure=": ["on-failure=cron2", "on-failure=timer2"],
  "run-job": ["run-job-cron2", "run-job-timer2"],
};
/** All that write into the ledger. */
const WHO = 12;

/** The cell of a column, by what was seen of the code. */
function cellOf(column: string, reached: (who: string) => string): string {
  const [ofCron2, ofTimer2 = ofCron2] = (KINDS[column] ?? [column]).map(reached);
  if (ofCron2 === ofTimer2) return ofCron2 ?? "";
  return ofCron2 === "yes" && ofTimer2 === "no" ? "crons" : `${ofCron2}, ${ofTimer2}`;
}

async function factsOf(
  probe: Probe,
  absent: readonly string[],
): Promise<{ dir: string; facts: Map<string, Facts> }> {
  await using temp = await tempDir();
  const dir = await Deno.realPath(temp.path);
  const [ini, ledger, spool] = [join(dir, "site.ini"), join(dir, "ledger"), join(dir, "spool")];
  await Deno.mkdir(join(dir, "there"));
  await Deno.writeTextFile(join(dir, "note"), COMMAND, { mode: 0o755 });
  await Deno.writeTextFile(join(dir, "tasks.py"), PYTHON);
  await Deno.writeTextFile(join(dir, "tasks.ts"), TYPESCRIPT);
  const isForced = probe.child === "while it runs";
  const setting = probe.setting === undefined ? "" : `,${probe.setting}`;
  const settings = [
    ...["[uwsgi]", "spooler = spool", "spooler-max-retries = 0", `python = ${testPython}`],
    ...isForced
      ? ["spooler-task = name=command exit 65", `spooler-task = name=long ${call("spooler-task")}`]
      : [`spooler-task = name=command,retries=1${setting} ${call("spooler-task", 65)}`],
    `spooler-on-failure = ${call("spooler-on-failure")}`,
    `cron = * * * * * ${call("cron")}`,
    `unique-cron = * * * * * ${call("unique-cron")}`,
    `cron2 = minute=*${setting} ${call("cron2")}`,
    `timer2 = every=1h,at-start=1${setting} ${call("timer2")}`,
    `cron2 = minute=*${setting},on-failure='${call("on-failure=cron2")}' exit 1`,
    `timer2 = every=1h,at-start=1${setting},on-failure='${call("on-failure=timer2")}' exit 1`,
    `cron2 = when="0 0 1 1 *",name=by-hand-cron2${setting} ${call("run-job-cron2")}`,
    `timer2 = every=10d,name=by-hand-timer2${setting} ${call("run-job-timer2")}`,
    ...["spooler-import = tasks.py", "spooler-import = tasks.ts"],
    ...probe.lines,
  ];
  await Deno.writeTextFile(ini, `${settings.join("\n")}\n`);
  // With uid, others write it.
  await Deno.writeTextFile(ledger, "");
  await Deno.chmod(ledger, 0o666);
  await Deno.chmod(dir, 0o777);
  const long = isForced ? `${ENDLESS_S}` : probe.isLong ? `${LONG_S}` : "";
  const child = probe.child === undefined ? "" : `${ENDLESS_S}`;
  const env = { LEDGER: ledger, SITE: dir, GIVEN: "given", LONG: long, CHILD: child };
  await using program = await Program.start(["--ini", ini], { env, cwd: "/" });
  for (const func of ["command", "python", "typescript", ...isForced ? ["long"] : []]) {
    await spooler(["push", "--dir", spool, `ud_spool_func=${func}`]);
  }
  const byHandOf = (kind: string) =>
    Program.launch(...commandLine(["run-job", `by-hand-${kind}`, "--ini", ini]), { env });
  await using ofCron2 = byHandOf("cron2");
  await using ofTimer2 = byHandOf("timer2");
  const byHand = [ofCron2, ofTimer2];
  if (!isForced) {
    // Whoever is ended by a limit fails.
    const codes = await Promise.all(byHand.map((each) => each.ended()));
    if (!probe.isLong) assertEquals(codes, [0, 0], byHand.map(({ log }) => log).join("\n"));
  }
  const facts = new Map<string, Facts>();
  await until(
    async () => {
      // Whoever has ended has written all that it will: it is asked before what is written is read.
      const ended = new Set(
        [...facts.values()].map(({ pid }) => pid).filter((pid) => !isRunning(Number(pid))),
      );
      const isOver = ({ survived, pid }: Facts) => survived === "yes" || ended.has(pid);
      const text = await Deno.readTextFile(ledger);
      for (const line of text.split("\n").slice(0, -1)) {
        const [who = "", ...pairs] = line.split("|");
        const found = Object.fromEntries(pairs.map((pair) => pair.split("=", 2)));
        facts.set(who, { ...facts.get(who), ...found });
      }
      return facts.size >= WHO - absent.length &&
        (!probe.isLong || [...facts.values()].every(isOver));
    },
    "not everything has run, or ended",
    LONG_PATIENCE_MS,
  );
  if (isForced) {
    program.signal("SIGQUIT");
    for (const each of byHand) each.signal("SIGTERM");
    await Promise.all([program, ...byHand].map((each) => each.ended()));
  } else assertEquals(await program.stop(), 0);
  for (const [who, { child = "" }] of facts) {
    if (child !== "") facts.set(who, { ...facts.get(who), childRuns: await ends(Number(child)) });
  }
  for (const [who, found] of facts) {
    const logged = program.log.includes(`| printed by ${who};`) ? "yes" : "no";
    facts.set(who, { ...found, logged });
  }
  return { dir, facts };
}

/** Whether the process goes on; it does no longer behind this. */
async function ends(pid: number): Promise<"yes" | "no"> {
  // What was sent a signal may need a moment.
  for (let tries = 0; tries < 20 && isRunning(pid); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (!isRunning(pid)) return "no";
  Deno.kill(pid, "SIGKILL");
  return "yes";
}

/** The cells of the table, by setting and by column. */
function readTable(page: string): Map<string, Map<string, string>> {
  const rows = page.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
  const [head = [], , ...body] = rows;
  return new Map(body.map(([setting = "", ...cells]) => [
    setting,
    new Map(cells.map((cell, index) => [head[index + 1] ?? "", cell])),
  ]));
}

/**
 * What nobody cannot run: a runtime below somebody's home, for example. From source, a worker in
 * TypeScript needs Deno's cache, too, which is in the home of its user: nobody has none.
 */
async function withoutRuntime(): Promise<string[]> {
  const files = { TypeScript: Deno.execPath(), Python: SYSTEM_PYTHON };
  const probes = Object.values(files).map((
    file,
  ) => ({ path: dirname(file), use: "enter" } as const));
  const answers = await mayUse(probes, { uid: 65534, gid: 65534 });
  const isOut = (runtime: string) => runtime === "TypeScript" && executable === undefined;
  return Object.keys(files).filter((runtime, index) => answers[index] !== true || isOut(runtime));
}

const table = readTable(await Deno.readTextFile(PAGE));

Deno.test("each row of docs/how-code-runs.md is tried", () => {
  assertEquals([...table.keys()].toSorted(), Object.keys(PROBES).toSorted());
});

for (const [setting, cells] of table) {
  const probe = PROBES[setting];
  const needs = probe?.needsRoot ? "root" : "python";
  testWith(needs, `${programLabel}: ${setting} reaches what the table says`, async () => {
    assert(probe !== undefined);
    const absent = probe.isNobody ? await withoutRuntime() : [];
    const { dir, facts } = await factsOf(probe, absent);
    const columns = [...cells].filter(([column, cell]) => !absent.includes(column) && cell !== "–")
      .map(([column]) => column);
    const reached = (who: string) => {
      const seen = facts.get(who);
      return seen === undefined ? "not run" : probe.reaches(seen, dir) ? "yes" : "no";
    };
    const found = columns.map((column) => [column, cellOf(column, reached)]);
    assertEquals(
      Object.fromEntries(found),
      Object.fromEntries(columns.map((column) => [column, cells.get(column)])),
    );
  });
}
