/** The queue commands beside a uWSGI that works through the same directory. */

import { join } from "@std/path";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { commandLine, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { startUwsgiSpooler } from "../support/uwsgi.ts";

testWith(
  "uwsgi",
  "a task that uWSGI runs is listed as running, left alone, and awaited",
  async () => {
    await using temp = await tempDir();
    const spool = join(temp.path, "spool");
    const { stdout } = await spooler(["push", "--dir", spool, "--create", "ud_spool_func=x"]);
    const name = stdout.trim();
    const gate = join(temp.path, "gate");
    assertEquals((await new Deno.Command("mkfifo", { args: [gate] }).output()).code, 0);
    await using uwsgi = await startUwsgiSpooler(
      temp.path,
      spool,
      `
import uwsgi, sys
def spooler(env):
    print("held", file=sys.stderr, flush=True)
    open(${JSON.stringify(gate)}).read()
    return uwsgi.SPOOL_OK
uwsgi.spooler = spooler
`,
    );
    await uwsgi.line(/^held/);
    const listed = await spooler(["list", "--dir", spool, "--json"]);
    assertMatch(listed.stdout, /"state":"running","function":"x"/);
    for (const command of ["remove", "retry"]) {
      const { code, stderr } = await spooler([command, "--dir", spool, name]);
      assertEquals(code, 1);
      assertMatch(stderr, /is running: not changed\n$/);
    }
    const [file, args] = commandLine(["wait", "--dir", spool, name, "--timeout", "20s"]);
    const waiting = new Deno.Command(file, { args, stdout: "null", stderr: "piped" }).spawn();
    for await (const text of waiting.stderr.pipeThrough(new TextDecoderStream())) {
      if (text.includes("waiting")) break;
    }
    await Deno.writeTextFile(gate, "go");
    assertEquals((await waiting.status).code, 0);
    assertEquals((await spooler(["list", "--dir", spool, "--json"])).stdout, "");
  },
);
