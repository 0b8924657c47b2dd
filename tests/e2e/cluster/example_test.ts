/** examples/cluster: what its README says. */

import { join } from "@std/path";
import { assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";
import { quietPort } from "../../support/port.ts";
import { Program, programLabel, spooler, writeWrapper } from "../../support/program.ts";
import { testWith } from "../../support/require.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";

const EXAMPLE = new URL("../../../examples/cluster/", import.meta.url);
const FILES = ["run.sh", "nats.conf", "edge.ini", "worker.ini", "tasks.ts"];

/** The example, with ports of its own, and a `spooler` for the PATH. */
async function copyExample(temp: TempDir): Promise<Record<string, string>> {
  const ports = new Map([["14222", quietPort()], ["13031", quietPort()]]);
  for (const name of FILES) {
    let text = await Deno.readTextFile(new URL(name, EXAMPLE));
    for (const [from, to] of ports) text = text.replaceAll(`:${from}`, `:${to}`);
    await Deno.writeTextFile(join(temp.path, name), text);
  }
  await Deno.mkdir(join(temp.path, "bin"));
  await writeWrapper(join(temp.path, "bin", "spooler"));
  return { PATH: `${join(temp.path, "bin")}:${Deno.env.get("PATH") ?? ""}` };
}

testWith("nats", `${programLabel}: the cluster example runs with one command`, async () => {
  await using temp = await tempDir();
  const env = await copyExample(temp);
  await using example = Program.launch("sh", [join(temp.path, "run.sh")], { env });
  await example.line(/hello\| Hello, Ann, from the cluster!$/);
  await example.line(/report\| \d+$/);
  const more = ["push", "--ini", join(temp.path, "edge.ini"), "ud_spool_func=hello", "name=Bob"];
  assertEquals((await spooler(more)).code, 0);
  await example.line(/Hello, Bob, from the cluster!$/);
  assertEquals(await example.stop(), 0);
  // All ended before the script did: their logs are whole.
  assertMatch(example.log, / stopped\n(.*\n)*.* stopped$/m);
  const log = await Deno.readTextFile(join(temp.path, "data", "nats.log"));
  assertStringIncludes(log, "Server Exiting");
});

Deno.test(`${programLabel}: the cluster example says what is to be installed`, async () => {
  await using temp = await tempDir();
  await copyExample(temp);
  const bin = join(temp.path, "bin");
  await Deno.symlink("/usr/bin/dirname", join(bin, "dirname"));
  const { code, stderr } = await new Deno.Command("/bin/sh", {
    args: [join(temp.path, "run.sh")],
    env: { PATH: bin },
  }).output();
  assertEquals(code, 1);
  assertEquals(
    new TextDecoder().decode(stderr),
    "run.sh: nats-server is not installed. Debian and Ubuntu: apt-get install nats-server; " +
      "others: https://nats.io/download\n",
  );
});
