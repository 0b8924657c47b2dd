/** Which Python runs task code, and where it finds modules. */

import { interpret } from "../../src/config/interpret.ts";
import { loadConfig } from "../../src/config/load.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeHost } from "../support/config_host.ts";
import { entriesOf } from "../support/entries.ts";

const pythonOf = (...lines: string[]) => interpret(entriesOf(lines), "/srv/site.ini").config.python;

Deno.test("python3 of PATH is the default", () => {
  assertEquals(pythonOf(), { command: "python3", paths: [] });
});

Deno.test("a virtualenv brings its own, under each of its names", () => {
  for (const name of ["virtualenv", "home", "venv", "pyhome"]) {
    assertEquals(pythonOf(`${name} = env`).command, "/srv/env/bin/python3");
  }
});

Deno.test("python is a path, or a name for PATH, and wins", () => {
  assertEquals(pythonOf("python = /opt/py/bin/python3").command, "/opt/py/bin/python3");
  assertEquals(pythonOf("python = bin/python3").command, "/srv/bin/python3");
  assertEquals(pythonOf("home = env", "python = python3.9").command, "python3.9");
});

Deno.test("pythonpath adds up in the order of the ini", () => {
  assertEquals(pythonOf("pythonpath = lib", "pp = /opt/*/lib", "python-path = .").paths, [
    "/srv/lib",
    "/opt/*/lib",
    "/srv",
  ]);
});

/** @param files that are there beside the ini, whose directory is /srv */
async function warningsOf(lines: string[], ...files: string[]): Promise<string[]> {
  const ini = ["[uwsgi]", "spooler = spool", ...lines, ""].join("\n");
  const there = Object.fromEntries(files.map((file) => [file, ""]));
  const host = fakeHost({ files: { "/srv/site.ini": ini, ...there } });
  return (await loadConfig("/srv/site.ini", host)).warnings.map(({ message }) => message);
}

Deno.test("a module file or a Python that is not there is warned about", async () => {
  const lines = ["import = tasks.py", "spooler-import = pkg.module", "virtualenv = env"];
  assertEquals(await warningsOf(lines), [
    'import names a file that does not exist: "tasks.py"',
    'virtualenv needs Python at /srv/env/bin/python3, which does not exist: "env"',
  ]);
  assertEquals(await warningsOf(lines, "/srv/tasks.py", "/srv/env/bin/python3"), []);
  assertEquals(await warningsOf(["virtualenv = env"]), [], "nothing needs it");
});

Deno.test("python = script.py is a script for uWSGI, as pyrun is, and no interpreter", () => {
  const { config, warnings } = interpret(
    entriesOf([
      "spooler = s",
      "python = /usr/bin/python3.11",
      "python = manage.py",
      "pyrun = x.py",
    ]),
    "/srv/site.ini",
  );
  assertEquals(config.python.command, "/usr/bin/python3.11");
  assertEquals(warnings.map(({ message }) => message), [
    'python is a script that uWSGI runs in its workers; no task worker runs it: "manage.py"',
  ]);
});
