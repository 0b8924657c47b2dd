/** A reload starts the new workers beside the old: what an old one runs, no new one runs beside it. */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { programLabel } from "../support/program.ts";
import { type Need, testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

const LONG = "uwsgi_spoolfile_on_long_1_1_1_1_0";
const read = (path: string) => Deno.readTextFile(path).catch(() => "");

/** How each language says `begin`, waits for the file `go` when the task is called long, and says `end`. */
interface Language {
  readonly name: string;
  readonly need: Need;
  readonly ini: string;
  readonly file?: readonly [name: string, text: string];
}

const LANGUAGES: readonly Language[] = [
  {
    name: "a command",
    need: "libc",
    ini: "spooler-task = name=f echo begin $SPOOL_WHO >> told; " +
      "while test $SPOOL_WHO = long -a ! -e go; do sleep 0.05; done; echo end $SPOOL_WHO >> told",
  },
  {
    name: "Python",
    need: "python",
    ini: "spooler-python-import = tasks",
    file: [
      "tasks.py",
      `
import os, time
from uwsgidecorators import spool

def tell(text):
    with open("told", "a") as told:
        told.write(text + "\\n")

@spool
def f(args):
    tell("begin " + args["who"])
    while args["who"] == "long" and not os.path.exists("go"):
        time.sleep(0.05)
    tell("end " + args["who"])
`,
    ],
  },
  {
    name: "TypeScript",
    need: "libc",
    ini: "spooler-import = tasks.ts",
    file: [
      "tasks.ts",
      `
import { appendFileSync, existsSync } from "node:fs";
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
export async function f({ who }: Record<string, string>) {
  appendFileSync("told", \`begin \${who}\\n\`);
  while (who === "long" && !existsSync("go")) await pause();
  appendFileSync("told", \`end \${who}\\n\`);
}
`,
    ],
  },
];

for (const { name, need, ini, file } of LANGUAGES) {
  testWith(need, `${programLabel}: ${name}: a task runs on in the old life alone`, async () => {
    await using site = await makeSite("spooler-frequency = 0.1", "spooler-processes = 2", ini);
    if (file) await Deno.writeTextFile(join(site.dir, file[0]), file[1]);
    const told = join(site.dir, "told");
    await using program = await site.start();
    const path = await writeTask(site.spool, LONG, { ud_spool_func: "f", who: "long" });
    await until(async () => (await read(told)) === "begin long\n", "it does not begin");
    for (let life = 2; life <= 3; life++) {
      program.signal("SIGHUP");
      await program.line(/ ready$/, life);
      // Whoever writes to its directory and changes its file has the new life examine it.
      for (let i = 0; i < 5; i++) {
        await Deno.utime(path, 1 + life, 1 + i);
        const who = `short${life}${i}`;
        await writeTask(site.spool, `uwsgi_spoolfile_on_${who}_1_1_1_1_0`, {
          ud_spool_func: "f",
          who,
        });
        await until(async () => (await read(told)).includes(`end ${who}\n`), `${who} does not run`);
      }
    }
    const beside = (await read(told)).split("\n").filter((line) => line.endsWith("long"));
    assertEquals(beside, ["begin long"]);
    await Deno.writeTextFile(join(site.dir, "go"), "");
    await program.line(/ f long_1_1_1_1_0 done/);
    // Once more a task that comes behind it: nothing of the long one is left.
    await writeTask(site.spool, LONG.replace("long", "last"), { ud_spool_func: "f", who: "last" });
    await program.line(/ f last_1_1_1_1_0 done/);
    const all = (await read(told)).split("\n").filter((line) => line.endsWith("long"));
    assertEquals(all, ["begin long", "end long"]);
    assertEquals(await program.stop(), 0);
  });
}
