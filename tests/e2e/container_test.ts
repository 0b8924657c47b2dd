/** examples/container: what its Dockerfile starts, as process 1. */

import { join } from "@std/path";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { portIn } from "../support/site.ts";
import { commandLine, Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

const EXAMPLE = new URL("../../examples/container/", import.meta.url);

testWith("root", `${programLabel}: the container's ini passes check`, async () => {
  const { code, stdout, stderr } = await spooler(["check", new URL("site.ini", EXAMPLE).pathname]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /0\.0\.0\.0:3031/);
});

testWith(
  "root",
  `${programLabel}: the Dockerfile's entry point needs no arguments, and is fine as process 1`,
  async () => {
    const dockerfile = await Deno.readTextFile(new URL("Dockerfile", EXAMPLE));
    const copied = [...dockerfile.matchAll(/^COPY (\S+) (\S+)$/gm)];
    assertEquals(copied.map(([, from]) => from), ["spooler", "site.ini"]);
    assertMatch(dockerfile, new RegExp(`^ENTRYPOINT \\["${copied[0]?.[2]}"\\]$`, "m"));
    assertMatch(dockerfile, new RegExp(`^ENV SPOOLER_INI=${copied[1]?.[2]}$`, "m"));

    await using temp = await tempDir();
    await Deno.chmod(temp.path, 0o755);
    const ini = join(temp.path, "site.ini");
    const text = await Deno.readTextFile(new URL("site.ini", EXAMPLE));
    const here = text.replace("/var/spool", temp.path).replace("0.0.0.0:3031", "0.0.0.0:0");
    await Deno.writeTextFile(ini, `${here}\nspooler-task = name=orphan setsid sleep 0.2 &\n`);
    const [file, args] = commandLine([]);
    await using container = Program.launch(
      "unshare",
      ["--fork", "--pid", "--mount-proc", "--kill-child", file, ...args],
      { env: { SPOOLER_INI: ini } },
    );
    await container.line(/"type":"program\.ready"/);
    const opened = await container.line(/"type":"listener\.opened"/);
    const { pid } = JSON.parse(await container.line(/"type":"program\.started"/));
    assertEquals(pid, 1);
    const to = `127.0.0.1:${portIn(JSON.parse(opened).address)}`;
    await spooler(["push", "--to", to, "ud_spool_func=hello", "name=Ann"]);
    await container.line(/"Hello, Ann!"/);
    await spooler(["push", "--to", to, "ud_spool_func=orphan"]);
    await container.line(/"func":"orphan".*"kind":"done"/);
    const children = async (of: number) =>
      (await Deno.readTextFile(`/proc/${of}/task/${of}/children`)).trim().split(" ")
        .filter(Boolean).map(Number);
    const [program = 0] = await children(container.pid);
    await until(async () => (await children(program)).length === 0, "the orphan to be reaped");
    Deno.kill(program, "SIGTERM");
    assertEquals(await container.ended(), 0);
  },
);
