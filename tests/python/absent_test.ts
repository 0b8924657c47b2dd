/** What uWSGI has and a task worker has not: it never stops a module from being imported. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";

/** Calls every function that is without effect, and puts every decorator in front of a function. */
const EVERYTHING = `
import sys, uwsgi, uwsgidecorators
from uwsgidecorators import *
from uwsgidecorators import metric
from _spooler import absent

for name in absent.functions():
    getattr(uwsgi, name)("x", 5)
sys.meta_path.append(uwsgi.SymbolsImporter())
sys.meta_path.append(uwsgi.ZipImporter("x"))
sys.meta_path.append(uwsgi.SymbolsZipImporter("x"))

@rpc("a")
@erlang("b")
@filemon("/tmp")
@mule(1)
@muleloop(1)
@mulemsg(1)
@farm("f")
@metric("m")
@spool
def task(env):
    print("ran")

@mulefunc
def sent(x): pass
@mulefunc(2)
def sent_too(x): pass
brain = mule_brain(print, 1)
brain()
mulemsg_loop(print, 1)()
mule_brainloop(print, 1)()
farm_loop(print, "f")()
try:
    import no_such_module
except ModuleNotFoundError:
    print("imports go on")
`;

testWith("python", "nothing that a module asks for stops its tasks", async () => {
  await using master = await ScriptedMaster.python(EVERYTHING, { onCall: () => null });
  assertEquals(master.lines(), ["imports go on"]);
  const answer = await master.run("task");
  assertEquals(answer.kind, "done", answer.stderr);
  assertEquals(master.lines(), ["ran"]);
});

testWith("python", "what has no effect is named with its place, once", async () => {
  const warnings: string[] = [];
  await using master = await ScriptedMaster.python(
    `
import uwsgi
from uwsgidecorators import *
uwsgi.metric_inc("a")
@rpc("a")
def called(): pass
@mule(1)
def brain(): pass
@spool
def task(env):
    uwsgi.alarm("a", "b")
`,
    {
      onCall: ({ method, args }) => {
        assertEquals(method, "warn");
        warnings.push(String(args["message"]));
      },
    },
  );
  await master.run("task");
  const page = "(docs/python-modules.md)";
  assertEquals(warnings, [
    `tasks.py:4: uwsgi.metric_inc has no effect: spooler has no metrics ${page}`,
    `tasks.py:5: @rpc has no effect: spooler has no RPC ${page}`,
    `tasks.py:7: @mule has no effect: spooler has no mules ${page}`,
    `tasks.py:11: uwsgi.alarm has no effect: spooler has no alarms ${page}`,
  ]);
});

testWith("python", "in a task, what would hide lost work raises", async () => {
  await using master = await ScriptedMaster.python(
    `
import uwsgi
from uwsgidecorators import *
@mulefunc
def sent(x): pass
def told(call):
    try:
        return repr(call())
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
@spool
def task(env):
    for call in (lambda: uwsgi.mule_msg(b"x"), lambda: sent(1), lambda: uwsgi.rpc("", "f"),
                 lambda: uwsgi.reload(), lambda: uwsgi.sharedarea_read(0, 0, 1),
                 lambda: uwsgi.cache_get("x"), lambda: uwsgi.metric_get("x"),
                 lambda: uwsgi.rpc_list()):
        print(told(call))
`,
    { onCall: () => null },
  );
  await master.run("task");
  assertEquals(master.lines(), [
    "ValueError: no mule configured",
    "ValueError: no mule configured",
    "ValueError: unable to call rpc function",
    "NotImplementedError: uwsgi.reload: spooler has no such call (docs/python-modules.md)",
    "NotImplementedError: uwsgi.sharedarea_read: spooler has no shared memory (docs/python-modules.md)",
    ...["None", "0", "()"],
  ]);
});

testWith("python", "uwsgi.opt leaves out mules, so that libraries choose the spooler", async () => {
  await using master = await ScriptedMaster.python(
    `
import uwsgi
print(sorted(uwsgi.opt))
`,
    { setup: { options: [["spooler", "spool"], ["mules", "2"], ["mule", true], ["farm", "a:1"]] } },
  );
  assertEquals(master.lines(), ["['spooler']"]);
});

testWith("python", "docs/python-modules.md says of each name that it has no effect", async () => {
  const file = await Deno.readTextFile(new URL("../../docs/python-modules.md", import.meta.url));
  const page = file.slice(file.indexOf("## uwsgi\n"));
  await using master = await ScriptedMaster.python(`
from _spooler import absent
for name in absent.functions():
    kind = "returns %r" % (absent.QUIET[name],) if name in absent.QUIET else absent._VALUE_ERRORS.get(name, "NotImplementedError")
    print(name, kind)
`);
  const lines = master.lines();
  assert(lines.length > 100);
  for (const line of lines) {
    const [name, ...kind] = line.split(" ");
    const row = page.split("\n").find((row) => row.startsWith(`| \`${name}\``)) ?? "";
    assert(row.includes("| no effect") && row.includes(kind.join(" ")), `${line}: ${row}`);
  }
});

testWith(
  "python",
  "a module that uses queues and shared memory at import is loaded, and warned once",
  async () => {
    const warnings: string[] = [];
    await using master = await ScriptedMaster.python(
      `
import uwsgi
from uwsgidecorators import *
uwsgi.queue_push(b"x")
print(uwsgi.queue_get(0), uwsgi.sharedarea_readbyte(0, 0))
@spool
def task(env):
    uwsgi.queue_push(b"lost")
`,
      { onCall: ({ args }) => void warnings.push(String(args["message"])) },
    );
    assertEquals(master.lines(), ["None None"]);
    const { kind, reason } = await master.run("task");
    assertEquals(kind, "failed");
    assertMatch(reason, /uwsgi\.queue_push: spooler has no queues/);
    assertEquals(warnings.map((each) => each.split(" has no effect")[0]), [
      "tasks.py:4: uwsgi.queue_push",
      "tasks.py:5: uwsgi.queue_get",
      "tasks.py:5: uwsgi.sharedarea_readbyte",
    ]);
  },
);

testWith("python", "names that neither module has are an AttributeError", async () => {
  await using master = await ScriptedMaster.python(
    "import uwsgidecorators\nuwsgidecorators.nil\n",
    {
      loads: false,
    },
  );
  const { message } = await master.hears("load-failed");
  assertMatch(message, /AttributeError: module 'uwsgidecorators' has no attribute 'nil'/);
});
