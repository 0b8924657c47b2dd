/** `spooler-import` and its kin: task modules, and the options of their workers. @pure */

import { resolve } from "@std/path";
import type { CodeConfig, TaskModule } from "../worker/settings.ts";
import type { Entry } from "./entry.ts";
import type { Given } from "./given.ts";
import type { OptionName } from "./options.ts";
import { parseBoolean, parseInteger, parseWanted } from "./value.ts";

const JAVASCRIPT = /\.(?:ts|mts|js|mjs)$/;
const OTHER_SCRIPT = /\.(?:tsx|jsx|cts|cjs)$/;

/** What is known of the files that an ini names. */
export interface FileKinds {
  kindOf(path: string): "file" | "dir" | "other" | undefined;
}

export function codeOf(given: Given, files: FileKinds): CodeConfig {
  return {
    modules: modulesOf(given).map((module) => belowChdir(given, module, files)),
    user: spoolerUserOf(given),
    maxTasks: given.last("spooler-max-tasks", (text) => parseInteger(text, 0), 0) || null,
    cheap: given.last("spooler-cheap", parseBoolean, false),
    touchReload: given.every("touch-spoolers-reload", pathOf(given)),
    options: given.entries.map(({ key, value, valueless }) =>
      [key, valueless ? true : value] as const
    ),
  };
}

/** `spooler-uid`: who runs commands and modules. */
export function spoolerUserOf(given: Given): CodeConfig["user"] {
  const name = "spooler-uid";
  return given.last<CodeConfig["user"]>(name, (text, { place }) => {
    const user = text.trim();
    return user === "" ? null : { user, place, userOption: { name, place } };
  }, null);
}

/** uWSGI resolves relative files below `chdir`; so does this where the file exists. */
function belowChdir(given: Given, module: TaskModule, files: FileKinds): TaskModule {
  const entry = given.entriesOf("chdir").at(-1);
  if (entry === undefined || module.kind !== "file" || module.language !== "python") return module;
  const below = resolve(given.path(entry.value, entry), module.written);
  return files.kindOf(below) === "file" ? { ...module, name: below } : module;
}

/**
 * In the order in which uWSGI's spooler gets them: what its master imports, the applications,
 * and its own.
 */
function modulesOf(given: Given): TaskModule[] {
  const python = (name: OptionName) =>
    given.every(name, (text, entry) => moduleOf(given, text, entry, "python"));
  return [
    ...aliasesOf(given),
    ...python("shared-import"),
    ...python("import"),
    ...appsOf(given),
    ...given.every("spooler-import", (text, entry) => moduleOf(given, text, entry, null)),
    ...python("spooler-python-import"),
  ];
}

/** As in uWSGI the name ends at the first blank. */
function moduleOf(
  given: Given,
  text: string,
  entry: Entry,
  language: "python" | null,
): TaskModule {
  const name = parseWanted(text).split(/\s/, 1)[0] ?? "";
  const { place } = entry;
  const module = { written: name, isApp: false, factory: null, place } as const;
  if (language === null && JAVASCRIPT.test(name)) {
    return { ...module, language: "javascript", kind: "file", name: given.path(name, entry) };
  }
  if (JAVASCRIPT.test(name) || OTHER_SCRIPT.test(name)) {
    const wish = language === null
      ? "needs .ts, .mts, .js or .mjs, or a Python module; bundle anything else into one of these"
      : "needs a Python module (spooler-import takes TypeScript and JavaScript)";
    throw new SyntaxError(wish);
  }
  if (name.endsWith(".py")) {
    return { ...module, language: "python", kind: "file", name: given.path(name, entry) };
  }
  return { ...module, language: "python", kind: "module", name };
}

/**
 * The web applications: the last line of the first of these options that there is, and every mounted
 * one. uWSGI's master loads them before its spooler forks, unless they are lazy.
 *
 * Source: uWSGI 2.0.21 plugins/python/python_plugin.c (uwsgi_python_init_apps, uwsgi_python_mount_app)
 * and pyloader.c.
 */
function appsOf(given: Given): TaskModule[] {
  const modules = (name: OptionName) => given.every(name, (text, entry) => appModule(text, entry));
  const files = (name: OptionName) =>
    given.every(name, (text, entry) => appFile(given, text, entry));
  const mounts = MOUNTS.flatMap((name) =>
    given.every(name, (text, entry) => mountedApp(given, text, entry)).flat()
  );
  const chosen = [
    modules("module"),
    files("wsgi-file"),
    [
      ...given.every("paste", (text, entry) => pasteApp(text.trim(), entry)),
      ...given.every(
        "ini-paste",
        (text, entry) => pasteApp(`config:${given.path(text.trim(), entry)}`, entry),
      ),
    ],
    given.every("pecan", (text, entry) => codeModule("pecan", pecanCode(text.trim()), entry)),
    given.every("eval", (text, entry) => codeModule("eval", text, entry)),
    ...(["web3", "pump", "wsgi-lite"] as const).map(modules),
  ].find((each) => each.length > 0)?.slice(-1) ?? [];
  const apps = [...files("python-raw").slice(-1), ...chosen, ...mounts];
  if (!given.last("lazy-apps", parseBoolean, false)) return apps;
  const [first] = [...chosen, ...apps];
  if (first !== undefined && IMPORTS.every((name) => given.entriesOf(name).length === 0)) {
    const message = "is not imported into task workers because of lazy-apps, as under uWSGI; " +
      `if it has tasks, write spooler-import = ${
        first.code === undefined ? first.written : "MODULE"
      }`;
    given.warnings.push({ place: first.place, message: `${first.written} ${message}` });
  }
  return [];
}

const MOUNTS = ["mount", "worker-mount"] as const;

/** As uWSGI has it: code of one line, in a module of this name. */
function codeModule(option: string, code: string, { place }: Entry): TaskModule {
  return {
    ...{ language: "python", kind: "code", isApp: true, factory: null },
    ...{ name: `uwsgi_${option}_config`, written: option, code, place },
  };
}

function pasteApp(uri: string, entry: Entry): TaskModule {
  const code = `from paste.deploy import loadapp\napplication = loadapp(${JSON.stringify(uri)})`;
  return codeModule("paste", code, entry);
}

function pecanCode(file: string): string {
  return `from pecan.deploy import deploy\napplication = deploy(${JSON.stringify(file)})`;
}

/** `NAME=MODULE` or `NAME=FILE`: task code may import it under that name. */
function aliasesOf(given: Given): TaskModule[] {
  return (["pymodule-alias", "post-pymodule-alias"] as const).flatMap((name) =>
    given.every(name, (text, entry): TaskModule => {
      const [, alias, target] = /^\s*([^=\s]+)\s*=\s*(\S+)\s*$/.exec(text) ?? [];
      if (alias === undefined || target === undefined) throw new SyntaxError("needs NAME=MODULE");
      const isFile = target.includes("/");
      return {
        ...{ language: "python", kind: isFile ? "file" : "module", isApp: false, factory: null },
        ...{ name: isFile ? given.path(target, entry) : target, written: target },
        ...{ alias, place: entry.place },
      };
    })
  );
}

const IMPORTS = ["shared-import", "import", "spooler-import", "spooler-python-import"] as const;

/** `package.module:callable`; a callable with parentheses makes the application. */
function appModule(text: string, { place }: Entry): TaskModule {
  const [name = "", callable = ""] = text.trim().split(":", 2);
  const factory = /^(\w+)\(.*\)$/.exec(callable)?.[1] ?? null;
  return {
    ...{ language: "python", kind: "module", isApp: true },
    ...{ name, written: name, factory, place },
  };
}

function appFile(given: Given, text: string, entry: Entry): TaskModule {
  const written = text.trim();
  return {
    ...{ language: "python", kind: "file", isApp: true, factory: null },
    ...{ name: given.path(written, entry), written, place: entry.place },
  };
}

/** Of the other languages of uWSGI there are mounts as well. */
function mountedApp(given: Given, text: string, entry: Entry): TaskModule[] {
  const app = text.slice(text.indexOf("=") + 1).trim();
  if (/\.(?:py|wsgi)$/.test(app)) return [appFile(given, app, entry)];
  return app.includes(":") ? [appModule(app, entry)] : [];
}

function pathOf(given: Given) {
  return (text: string, entry: Entry) => given.path(parseWanted(text), entry);
}
