/** Inis in the shapes that real projects have: they load, and come to what their writers meant. */

import type { Config } from "../../src/config/config.ts";
import type { ConfigHost } from "../../src/config/host.ts";
import { loadConfig, type Loaded } from "../../src/config/load.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { fakeHost } from "../support/config_host.ts";

const FIXTURES = new URL("../fixtures/ini/", import.meta.url);

/** A machine on which every directory that the corpus names is there. */
function corpusHost(environment: Record<string, string> = {}): ConfigHost {
  const files: Record<string, Uint8Array> = {};
  for (const { name } of Deno.readDirSync(FIXTURES)) {
    files[`/srv/${name}`] = Deno.readFileSync(new URL(name, FIXTURES));
  }
  const host = fakeHost({ files, environment });
  return { ...host, kindOf: (path) => path in files ? "file" : "dir" };
}

const load = (ini: string, environment?: Record<string, string>): Promise<Loaded> =>
  loadConfig(["--ini", ini], corpusHost(environment));

const warned = ({ warnings }: Loaded) => warnings.map(({ message }) => message).join("\n");
const dirs = ({ spools }: Config) => spools.map(({ dir }) => dir);

Deno.test("the article's ini loads unchanged, and its comments in values are named", async () => {
  const loaded = await load("article.ini");
  const { config } = loaded;
  assertEquals(dirs(config), ["/srv/project/spooler"]);
  assertEquals(config.spools[0]?.frequencyMs, 10_000);
  assertEquals(config.listeners.length, 1);
  const warnings = warned(loaded);
  assertStringIncludes(warnings, "spooler-frequency is read as 10");
  assertStringIncludes(
    warnings,
    "spooler-import keeps the text after # or ; as a part of its value",
  );
  const modules = config.code.modules.map(({ name, isApp }) => `${name}${isApp ? ", an app" : ""}`);
  assertEquals(modules, ["wsgi, an app", "path.to.spool.package"]);
});

Deno.test("a Django site loads; what serves the web is named once, with a reason", async () => {
  const loaded = await load("django.ini");
  assertEquals(dirs(loaded.config), ["/srv/shop/spool"]);
  assertEquals(loaded.config.spools[0]?.processes, 2);
  assertEquals(loaded.config.listeners[0]?.address, {
    kind: "unix",
    path: "/srv/shop/run/django.sock",
  });
  const foreign = loaded.warnings.filter(({ message }) =>
    message.startsWith("accepted, but without")
  );
  assertEquals(foreign.length, 1);
  for (const name of ["processes", "static-map"]) {
    assert(new RegExp(`\\b${name}\\b`).test(foreign[0]?.message ?? ""), name);
  }
  assertEquals(loaded.config.daemon.identity?.user?.name, "app");
  assertEquals(loaded.config.daemon.identity?.group?.name, "app");
  assert(
    !/die-on-term|master/.test(foreign[0]?.message ?? ""),
    "what the program does anyway is honoured",
  );
});

Deno.test("sections per environment share one", async () => {
  assertEquals(dirs((await load("environments.ini")).config), ["/tmp/blog"]);
  const production = (await load("environments.ini:production")).config;
  assertEquals([dirs(production), production.spools[0]?.processes], [["/var/spool/blog"], 4]);
  const development = await load("environments.ini:development");
  assertEquals([dirs(development.config), development.printed], [["/srv"], [
    "this is development",
  ]]);
});

Deno.test("an ini that a deploy tool wrote loads under strict", async () => {
  const { config } = await load("generated.ini");
  assertEquals(dirs(config), ["/opt/apps/crm"]);
  assertEquals([config.spools[0]?.harakiriMs, config.spools[0]?.ordered], [120_000, true]);
});

Deno.test("an ini from Windows, with its mark and line ends", async () => {
  const { config } = await load("windows.ini");
  assertEquals(config.spools[0]?.processes, 2);
  assertEquals(config.tasks.map(({ name, command }) => [name, command]), [
    ["résumé", './mail "a = b"'],
  ]);
});

Deno.test("blocks make spools and choose sockets", async () => {
  const { config } = await load("blocks.ini");
  assertEquals(dirs(config), ["/srv/mail", "/srv/thumbs", "/srv/reports"]);
  assertEquals(config.spools[0]?.processes, 3);
  assertEquals(config.listeners[0]?.address, { kind: "tcp", host: "127.0.0.1", port: 4000 });
  const other = (await load("blocks.ini", { PORT: "5000" })).config;
  assertEquals(other.listeners[0]?.address, { kind: "tcp", host: "127.0.0.1", port: 5000 });
});

Deno.test("doubled percent signs reach the command; what a file keeps secret stays so", async () => {
  const { config, secrets } = await load("escapes.ini");
  const action = config.schedules[0]?.action;
  assertStringIncludes(action?.kind === "command" ? action.command : "", "date +%Y-%m-%d");
  assertEquals(config.tasks[0]?.command, "./send --password-file=correct horse battery");
  assertEquals(secrets.mask("x correct horse battery y"), "x ******** y");
});

Deno.test("the mailing lists' seven jobs are taken", async () => {
  assertEquals((await load("mailing-lists.ini")).config.schedules.length, 7);
});
