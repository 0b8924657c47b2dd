/** `spooler-limit`: so many tasks of a customer at a time, whatever runs them; the others wait, and it is shown. */

import { join } from "@std/path";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { spooler } from "../support/program.ts";
import { type Need, testWith } from "../support/require.ts";
import { makeSiteWith } from "../support/site.ts";
import { until } from "../support/until.ts";

const LIMIT = "spooler-limit = name=send,concurrency-key=customer,processes=1";

interface Kind {
  readonly needs: Need[];
  readonly what: string;
  readonly files: Record<string, string>;
  readonly ini: string[];
}

/** Each says when it begins, and waits for a file. */
const KINDS: readonly Kind[] = [
  {
    needs: ["libc"],
    what: "a command",
    files: {
      send: 'echo "begins $SPOOL_CUSTOMER"; while [ ! -e go ]; do sleep 0.02; done; echo "ends"\n',
    },
    ini: ["spooler-task = name=send,concurrency-key=customer,processes=1 sh send"],
  },
  {
    needs: ["libc"],
    what: "a TypeScript module",
    files: {
      "tasks.ts": `
import { existsSync } from "node:fs";
export async function send({ customer }: Record<string, string>) {
  console.log("begins", customer);
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20));
  console.log("ends");
}
`,
    },
    ini: ["spooler-import = tasks.ts", LIMIT],
  },
  {
    needs: ["libc", "python"],
    what: "a Python module",
    files: {
      "tasks.py": `
import os, time
from uwsgidecorators import spool
@spool
def send(args):
    print("begins", args["customer"], flush=True)
    while not os.path.exists("go"):
        time.sleep(0.02)
    print("ends", flush=True)
`,
    },
    ini: ["spooler-import = tasks.py", LIMIT],
  },
];

for (const { needs, what, files, ini } of KINDS) {
  testWith(
    needs,
    `${what} runs one task of a customer at a time, and no customer waits for another`,
    async () => {
      await using site = await makeSiteWith(
        files,
        "spooler-processes = 3",
        "http-socket = 127.0.0.1:0",
        ...ini,
      );
      const lines = [
        ...Array.from({ length: 20 }, (_, n) => ({ ud_spool_func: "send", customer: "big", n })),
        { ud_spool_func: "send", customer: "small" },
      ];
      const file = join(site.dir, "lines");
      await Deno.writeTextFile(file, lines.map((line) => JSON.stringify(line)).join("\n"));
      await using program = await site.start();
      const http = `http://${await monitorAddress(program, "http")}`;
      const pushed = await spooler(["push", "--dir", site.spool, "--lines", file]);
      assertEquals([pushed.code, pushed.stderr], [0, ""]);
      await program.line(/begins small/);
      await program.line(/begins big/);
      const shown = async () => {
        const { stdout } = await spooler(["status", "--ini", site.ini, "--json"]);
        return JSON.parse(stdout).programs[0]?.spools[0]?.waiting?.[0];
      };
      await until(async () => (await shown())?.waiting === 19, "19 tasks that wait");
      assertEquals(await shown(), {
        limit: "send, customer=big",
        processes: 1,
        running: 1,
        waiting: 19,
      });
      const text = (await spooler(["status", "--ini", site.ini])).stdout;
      assertEquals(/^send, customer=big +spool +1 +1 +19$/m.test(text), true, text);
      const list = await spooler(["list", "--ini", site.ini, "--state", "ready", "--json"]);
      const { name } = JSON.parse(list.stdout.split("\n")[0] ?? "");
      const show = async (...more: string[]) =>
        (await spooler(["show", "--ini", site.ini, name, ...more])).stdout;
      assertStringIncludes(await show(), "\nwaits for send, customer=big: 1 of 1 run\n");
      const one = { limit: "send, customer=big", processes: 1, running: 1 };
      assertEquals(JSON.parse(await show("--json")).waitsForLimit, one);
      const { waitsForLimit } = await (await fetch(`${http}/api/tasks/spool/${name}`)).json();
      assertEquals(waitsForLimit, one);
      const page = await (await fetch(`${http}/tasks/spool/${name}`)).text();
      assertStringIncludes(page, "send, customer=big: 1 of 1 run");
      await Deno.writeTextFile(join(site.dir, "go"), "");
      await program.line(/ done /, 21);
      const output = program.log.split("\n").filter((line) => /send\| (begins|ends)/.test(line));
      assertEquals(output.length, 42);
      // The two of the beginning run together; behind them it is one at a time.
      let [running, most] = [0, 0];
      for (const line of output) {
        running += line.includes("begins") ? 1 : -1;
        most = Math.max(most, running);
      }
      assertEquals([running, most], [0, 2]);
      assertEquals(await program.stop(), 0);
    },
  );
}
