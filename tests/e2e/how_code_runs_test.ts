/** Tries each cell of the table in docs/how-code-runs.md. */

import { join } from "node:path";
import { assert, assertEquals } from "../support/assert.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testPython, testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const PAGE = new URL("../../docs/how-code-runs.md", import.meta.url);

type Facts = Readonly<Record<string, string>>;

/** What is different in the ini, and how that shows in the facts of code that it reaches. */
interface Probe {
  readonly lines: readonly string[];
  reaches(facts: Facts, dir: string): boolean;
}

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
  "own session": { lines: [], reaches: ({ session, pid }) => session === pid },
  "empty stdin": { lines: [], reaches: ({ stdin }) => stdin === "/dev/null" },
};

/** A command that notes the facts about itself; also one that fails. */
const COMMAND = `#!/bin/sh
echo "$1|cwd=$PWD|probe=$PROBE|given=$GIVEN|umask=$(umask)|bash=$2|session=$(cut -d' ' -f6 /proc/$PPID/stat)|pid=$PPID|stdin=$(readlink /proc/$PPID/fd/0)" >> "$LEDGER"
exit "\${3:-0}"
`;
/** The shell under test calls the command, and is its parent. */
const call = (name: string, code = 0) => `$SITE/note ${name} "$BASH_VERSION" ${code}; exit $?`;

const PYTHON = `import os
from uwsgidecorators import spool
@spool
def python(env):
    pid = os.getpid()
    facts = {"cwd": os.getcwd(), "probe": os.environ.get("PROBE", ""), "given": os.environ.get("GIVEN", ""),
        "bash": "", "session": os.getsid(0), "pid": pid, "umask": [line.split()[1] for line in open("/proc/self/status") if line.startswith("Umask")][0], "stdin": os.readlink("/proc/self/fd/0")}
    with open(os.environ["LEDGER"], "a") as file:
        file.write("Python|" + "|".join("%s=%s" % each for each in facts.items()) + "\\n")
`;
const TYPESCRIPT = `export function typescript(): void {
  const session = Deno.readTextFileSync("/proc/self/stat").split(" ")[5];
  const facts = { cwd: Deno.cwd(), probe: Deno.env.get("PROBE") ?? "", given: Deno.env.get("GIVEN") ?? "",
    bash: "", session, umask: Deno.umask().toString(8), pid: Deno.pid, stdin: Deno.readLinkSync("/proc/self/fd/0") };
  const text = Object.entries(facts).map(([key, value]) => key + "=" + value).join("|");
  Deno.writeTextFileSync(Deno.env.get("LEDGER")!, "TypeScript|" + text + "\\n", { append: true });
}
`;

/** What each column of the table is called in the ledger: its own heading. */
async function factsOf(probe: Probe): Promise<{ dir: string; facts: Map<string, Facts> }> {
  await using temp = await tempDir();
  const dir = await Deno.realPath(temp.path);
  const [ini, ledger, spool] = [join(dir, "site.ini"), join(dir, "ledger"), join(dir, "spool")];
  await Deno.mkdir(join(dir, "there"));
  await Deno.writeTextFile(join(dir, "note"), COMMAND, { mode: 0o755 });
  await Deno.writeTextFile(join(dir, "tasks.py"), PYTHON);
  await Deno.writeTextFile(join(dir, "tasks.ts"), TYPESCRIPT);
  const settings = [
    ...["[uwsgi]", "spooler = spool", "spooler-max-retries = 0", `python = ${testPython}`],
    `spooler-task = name=command,retries=1 ${call("spooler-task", 65)}`,
    `spooler-on-failure = ${call("spooler-on-failure")}`,
    `cron = * * * * * ${call("cron")}`,
    `cron2 = minute=* ${call("cron2")}`,
    `timer2 = every=1h,at-start=1 ${call("timer2")}`,
    `timer2 = every=1h,at-start=1,on-failure='${call("on-failure=")}' exit 1`,
    `timer2 = every=10d,name=by-hand ${call("run-job")}`,
    ...["spooler-import = tasks.py", "spooler-import = tasks.ts"],
    ...probe.lines,
  ];
  await Deno.writeTextFile(ini, `${settings.join("\n")}\n`);
  const env = { LEDGER: ledger, SITE: dir, GIVEN: "given" };
  await using program = await Program.start(["--ini", ini], { env, cwd: "/" });
  for (const func of ["command", "python", "typescript"]) {
    await spooler(["push", "--dir", spool, `ud_spool_func=${func}`]);
  }
  const { code, stderr } = await spooler(["run-job", "by-hand", "--ini", ini], "", env);
  assertEquals(code, 0, stderr);
  const facts = new Map<string, Facts>();
  await until(async () => {
    const text = await Deno.readTextFile(ledger).catch(() => "");
    for (const line of text.split("\n").slice(0, -1)) {
      const [who = "", ...pairs] = line.split("|");
      facts.set(who, Object.fromEntries(pairs.map((pair) => pair.split("=", 2))));
    }
    return facts.size >= 9;
  }, `not everything has run: ${[...facts.keys()]}\n${program.log}`);
  assertEquals(await program.stop(), 0);
  return { dir, facts };
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

const table = readTable(await Deno.readTextFile(PAGE));

Deno.test("each row of docs/how-code-runs.md is tried", () => {
  assertEquals([...table.keys()].toSorted(), Object.keys(PROBES).toSorted());
});

for (const [setting, cells] of table) {
  testWith("python", `${programLabel}: ${setting} reaches what the table says`, async () => {
    const probe = PROBES[setting];
    assert(probe !== undefined);
    const { dir, facts } = await factsOf(probe);
    const found = [...cells.keys()].map((column) => {
      const seen = facts.get(column);
      const cell = seen === undefined ? "not run" : probe.reaches(seen, dir) ? "yes" : "no";
      return [column, cell];
    });
    assertEquals(Object.fromEntries(found), Object.fromEntries(cells));
  });
}
