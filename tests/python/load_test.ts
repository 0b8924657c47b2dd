/** How modules are found, and what surrounds their code. */

import { join } from "@std/path";
import { PYTHON_CLIENT_FILES, PYTHON_FILES, pythonCommand } from "../../src/worker/python.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { ScriptedMaster } from "../support/scripted_master.ts";

const TASK = `
from uwsgidecorators import spool
@spool
def NAME(env): print(__name__)
`;

testWith("python", "modules are files, dotted names, or found through pythonpath", async () => {
  await using master = await ScriptedMaster.python(TASK.replace("NAME", "here"), {
    loads: false,
    paths: [],
    files: {
      "app/mail.py": TASK.replace("NAME", "mail"),
      "pkg/__init__.py": "",
      "pkg/jobs.py": `from . import helper\n${TASK.replace("NAME", "jobs")}`,
      "pkg/helper.py": "",
    },
    setup: {
      modules: [
        { kind: "file", name: "tasks.py" },
        { kind: "file", name: "app/mail.py" },
        { kind: "module", name: "pkg.jobs" },
        { kind: "module", name: "tasks" },
      ],
    },
  });
  const { functions, catchAll, files, origins } = await master.hears("loaded");
  assertEquals([functions, catchAll], [["here", "mail", "jobs"], false]);
  const expected = ["app/mail.py", "pkg/__init__.py", "pkg/helper.py", "pkg/jobs.py", "tasks.py"];
  assertEquals(files, expected.map((file) => join(master.dir, file)));
  const written = Object.entries(origins).map(([name, place]) => [name, place.split(":")[0]]);
  const paths = { here: "tasks.py", mail: "app/mail.py", jobs: "pkg/jobs.py" };
  assertEquals(
    written,
    Object.entries(paths).map(([name, file]) => [name, join(master.dir, file)]),
  );
  await master.kinds("here", "mail", "jobs");
  // The names that uWSGI gives to the same files.
  assertEquals(master.lines(), ["tasks", "app_mail", "pkg.jobs"]);
});

testWith(
  "python",
  "pythonpath lines are searched before all else, the last one first",
  async () => {
    const files = {
      "one/place.py": "name = 'one'",
      "two/place.py": "name = 'two'",
      "place.py": "name = 'here'",
    };
    const code = `
import place, sys, os, uwsgi, uwsgidecorators
uwsgi.spooler = lambda env: print(place.name, sys.argv, os.path.basename(sys.executable)[:6], os.getcwd())
`;
    await using master = await ScriptedMaster.python(code, {
      files,
      paths: ["one", "tw?"],
      setup: { options: [["pyargv", "--fast x"]] },
    });
    assertEquals((await master.run("any")).kind, "done");
    assertEquals(master.lines(), [`two ['uwsgi', '--fast', 'x'] python ${master.dir}`]);
  },
);

testWith("python", "without pythonpath the working directory is searched", async () => {
  const code = "import place, uwsgi\nuwsgi.spooler = lambda env: print(place.name)\n";
  await using master = await ScriptedMaster.python(code, {
    files: { "place.py": "name = 'here'" },
  });
  await master.run("any");
  assertEquals(master.lines(), ["here"]);
});

testWith("python", "functions of @postfork run when the worker starts", async () => {
  await using master = await ScriptedMaster.python(`
from uwsgidecorators import postfork, spool
@postfork
def each():
    print("each")
@postfork(1)
def first():
    print("a web worker's own")
@postfork
def broken():
    raise ValueError("only printed")
@spool
def task(env): pass
`);
  const lines = master.lines();
  assertEquals([lines[0], lines.at(-1)], ["each", "ValueError: only printed"]);
  assert(!lines.includes("a web worker's own"));
  assertEquals((await master.run("task")).kind, "done");
});

testWith("python", "a module without functions leaves every task to others", async () => {
  await using master = await ScriptedMaster.python("import uwsgi\n", { loads: false });
  const { functions, catchAll } = await master.hears("loaded");
  assertEquals([functions, catchAll], [[], false]);
  assertEquals((await master.run("any")).kind, "elsewhere");
});

testWith("python", "code is asked to spool while it loads", async () => {
  const calls: string[] = [];
  const code = `
import uwsgi
from uwsgidecorators import spool
@spool
def task(env): pass
task(a="b")
`;
  await using _master = await ScriptedMaster.python(code, {
    onCall: ({ method }) => {
      calls.push(method);
      return "NAME";
    },
  });
  assertEquals(calls, ["spool"]);
});

Deno.test("every file of the worker and of the client travels with the program", async () => {
  const root = new URL("../../workers/python/", import.meta.url);
  const files: string[] = [];
  const collect = async (below: string) => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(below, root))) {
      if (isDirectory && name !== "__pycache__") await collect(`${below}${name}/`);
      else if (name.endsWith(".py")) files.push(`${below}${name}`.slice(2));
    }
  };
  await collect("./");
  const known = new Set([...PYTHON_FILES, ...PYTHON_CLIENT_FILES.values()]);
  assertEquals(files.toSorted(), [...known].toSorted());
});

Deno.test("the command names the worker's directory and where to search", () => {
  const python = { command: "/usr/bin/python3", paths: ["/a", "/b"] };
  assertEquals(pythonCommand(python, "/shim", "/srv"), {
    file: "/usr/bin/python3",
    args: ["/shim", "--path", "/a", "--path", "/b", "--base", "/srv"],
  });
});

/** An application as web servers load them, which has a task as well. */
const APP = `
from uwsgidecorators import spool
@spool
def NAME(env):
    print(__name__, made)
made = "plain"
def make():
    global made
    made = "made"
application = lambda environ, start_response: []
`;

testWith("python", "web applications are imported under uWSGI's names, and made", async () => {
  const app = (name: string) => APP.replace("NAME", name);
  await using master = await ScriptedMaster.python("", {
    loads: false,
    files: {
      "mysite/__init__.py": "",
      "mysite/wsgi.py": app("mail"),
      "sub/app.py": app("report"),
      "old.wsgi": app("page"),
    },
    setup: {
      modules: [
        { kind: "module", name: "mysite.wsgi", isApp: true, factory: "make" },
        { kind: "file", name: "/nowhere/sub/app.py", written: "sub/app.py", isApp: true },
        { kind: "file", name: "/nowhere/old.wsgi", written: "old.wsgi", isApp: true },
      ],
    },
  });
  assertEquals((await master.hears("loaded")).functions, ["mail", "report", "page"]);
  await master.kinds("mail", "report", "page");
  assertEquals(master.lines(), [
    "mysite.wsgi made",
    "uwsgi_file_sub_app plain",
    "uwsgi_file_old_wsgi plain",
  ]);
});

testWith("python", "an application that cannot be loaded stops no other module", async () => {
  const warnings: string[] = [];
  await using master = await ScriptedMaster.python("", {
    loads: false,
    files: { "tasks.py": APP.replace("NAME", "mail"), "bad.py": "raise ValueError('no database')" },
    setup: {
      modules: [
        { kind: "module", name: "bad", isApp: true },
        { kind: "module", name: "no.such", isApp: true },
        { kind: "module", name: "tasks" },
      ],
    },
    onCall: ({ args }) => void warnings.push(String(args["message"])),
  });
  assertEquals((await master.hears("loaded")).functions, ["mail"]);
  assertEquals(warnings, [
    "import bad: ValueError: no database",
    "import no.such: ModuleNotFoundError: No module named 'no'",
  ]);
  assert(master.lines().some((line) => line.includes("bad.py")), "its trace is logged");
  await using only = await ScriptedMaster.python("", {
    loads: false,
    setup: { modules: [{ kind: "module", name: "no.such", isApp: true }] },
  });
  const { message } = await only.hears("load-failed");
  assertEquals(message, "import no.such: ModuleNotFoundError: No module named 'no'");
});
