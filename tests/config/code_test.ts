/** Which modules task workers load, and in which order. */

import { interpret } from "../../src/config/interpret.ts";
import { assertEquals } from "../support/assert.ts";
import { entriesOf } from "../support/entries.ts";

function read(...lines: string[]) {
  const { config, warnings } = interpret(entriesOf(["spooler = s", ...lines]), "/srv/site.ini");
  const modules = config.code.modules.map(({ kind, name, isApp, factory }) =>
    [kind, name, ...(isApp ? ["app"] : []), ...(factory === null ? [] : [factory])].join(" ")
  );
  return { modules, warnings: warnings.map(({ message }) => message) };
}

const app = (...lines: string[]) => read(...lines).modules;

Deno.test("web applications come where uWSGI's master loads them", () => {
  const lines = [
    "spooler-import = own",
    "mount = /m=m.py",
    "module = mysite.wsgi",
    "import = first",
  ];
  assertEquals(app(...lines, "shared-import = shared.py"), [
    "file /srv/shared.py",
    "module first",
    "module mysite.wsgi app",
    "file /srv/m.py app",
    "module own",
  ]);
});

Deno.test("a callable behind the module is not part of its name; with parentheses it is called", () => {
  assertEquals(app("module = mysite.wsgi:application"), ["module mysite.wsgi app"]);
  assertEquals(app("wsgi = mysite.wsgi:make()"), ["module mysite.wsgi app make"]);
  assertEquals(app("module = mysite:make('x')"), ["module mysite app make"]);
});

Deno.test("the last module or else the last file is the application; every mount is one", () => {
  assertEquals(app("module = a", "wsgi-file = b.py", "wsgi = c"), ["module c app"]);
  assertEquals(app("wsgi-file = a.py", "file = sub/b.wsgi"), ["file /srv/sub/b.wsgi app"]);
  assertEquals(
    app("mount = /x=x.py", "mount = /y=mod:app", "mount = /z=z.pl", "mount = /w=other"),
    ["file /srv/x.py app", "module mod app"],
  );
  assertEquals(app("module ="), []);
});

Deno.test("with lazy-apps no application is imported; where no other code is, a warning names the line to write", () => {
  const { modules, warnings } = read("lazy-apps = true", "module = mysite.wsgi");
  assertEquals(modules, []);
  assertEquals(warnings, [
    "mysite.wsgi is not imported into task workers because of lazy-apps, as under uWSGI; " +
    "if it has tasks, write spooler-import = mysite.wsgi",
  ]);
  const other = read("lazy = true", "module = mysite.wsgi", "spooler-import = tasks");
  assertEquals(other, { modules: ["module tasks"], warnings: [] });
});

Deno.test("of the options for one application the first in uWSGI's order counts", () => {
  const others = ["wsgi-lite = lite", "pump = pump", "web3 = web3"];
  assertEquals(app(...others.slice(0, 1)), ["module lite app"]);
  assertEquals(app(...others.slice(0, 2)), ["module pump app"]);
  assertEquals(app(...others), ["module web3 app"]);
  assertEquals(app(...others, "eval = import x"), ["code uwsgi_eval_config app"]);
  assertEquals(app(...others, "eval = import x", "pecan = p.py"), ["code uwsgi_pecan_config app"]);
  assertEquals(app(...others, "paste = config:p.ini"), ["code uwsgi_paste_config app"]);
  assertEquals(app(...others, "module = m"), ["module m app"]);
  assertEquals(app("worker-mount = 2:/x=x.py", "python-raw = raw.py"), [
    "file /srv/raw.py app",
    "file /srv/x.py app",
  ]);
  assertEquals(app("pymodule-alias = a=b", "post-pymodule-alias = c=./d.py"), [
    "module b",
    "file /srv/d.py",
  ]);
  const { warnings } = read("lazy-apps = true", "eval = import x");
  assertEquals(warnings.map((each) => each.split(";")[1]), [
    " if it has tasks, write spooler-import = MODULE",
  ]);
});
