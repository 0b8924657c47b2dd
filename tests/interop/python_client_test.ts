/** The Python client beside the real uWSGI 2.0: the same bytes, and uWSGI's own modules inside of it. */

import { join } from "@std/path";
import { assertEquals } from "../support/assert.ts";
import { PythonClient } from "../support/python_client.ts";
import { testWith } from "../support/require.ts";
import { runInUwsgi } from "../support/uwsgi.ts";

const PUTS = `
import uwsgi
# With --spooler-external alone uWSGI's decorators do not load.
uwsgi.opt.setdefault("spooler", b"x")
from uwsgidecorators import spool, spoolforever, spoolraw
@spool
def plain(env): pass
@spool(pass_arguments=True)
def call(*args, **kwargs): pass
@spoolraw
def raw(env): pass
@spoolforever
def forever(env): pass
# What is pickled has one form in all Pythons of protocol 4.
plain.spool(a="b", c="ü")
plain.spool({"d": "e"}, at="2000000000", priority="3")
plain(x="y", body="a body")
call.spool(1, "two", three=[3])
call.spool(4, at="2000000000", priority="3", body="with a body")
raw.spool(a="b")
forever.spool(a="b")
uwsgi.spool({b"ud_spool_func": b"plain", b"n": bytes([255]), b"priority": b"12"})
`;

interface PutFile {
  readonly below: string;
  readonly bytes: Uint8Array;
  /** Whether it is in the future. */
  readonly deferredTo: number | null;
}

async function putFiles(spool: string, below = ""): Promise<PutFile[]> {
  const files: PutFile[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(spool, below))) {
    if (isDirectory) files.push(...await putFiles(spool, name));
    else {
      const path = join(spool, below, name);
      const mtime = (await Deno.stat(path)).mtime?.getTime() ?? 0;
      const deferredTo = mtime > Date.now() ? mtime : null;
      files.push({ below, bytes: await Deno.readFile(path), deferredTo });
    }
  }
  const text = ({ below, bytes }: PutFile) => below + new TextDecoder("latin1").decode(bytes);
  return files.toSorted((a, b) => text(a) < text(b) ? -1 : 1);
}

testWith(["uwsgi", "python"], "the client writes what uWSGI writes, byte for byte", async () => {
  await using client = await PythonClient.make();
  await client.run(PUTS, { python: "/usr/bin/python3" });
  const theirs = join(client.temp.path, "theirs");
  await Deno.mkdir(theirs);
  await runInUwsgi(client.temp.path, PUTS, "--spooler-external", theirs);
  assertEquals(await putFiles(client.spool), await putFiles(theirs));
});

testWith(["uwsgi", "python"], "inside the real uWSGI its own modules win", async () => {
  await using client = await PythonClient.make();
  const out = join(client.temp.path, "out");
  const script = `
import sys
sys.path.insert(0, ${JSON.stringify(client.lib)})
import uwsgi
uwsgi.opt.setdefault("spooler", b"${client.spool}")
import uwsgidecorators, spooler_client
@uwsgidecorators.spool
def job(env): pass
path = job.spool(a="b")
name = spooler_client.put("job", {"c": "d"})
with open(${JSON.stringify(out)}, "w") as file:
    print(hasattr(uwsgi, "spooler_version"), uwsgidecorators.__file__, file=file)
    print(path.decode().startswith("${client.spool}"), spooler_client.status(path).state, file=file)
    print(spooler_client.status(name).state, file=file)
`;
  await runInUwsgi(
    client.temp.path,
    script,
    "--spooler",
    client.spool,
    "--spooler-frequency",
    "60",
  );
  const lines = (await Deno.readTextFile(out)).split("\n");
  assertEquals(lines[0], "False /usr/lib/python3/dist-packages/uwsgidecorators.py");
  assertEquals(lines[1], "True ready");
  assertEquals(lines[2], "ready");
});
