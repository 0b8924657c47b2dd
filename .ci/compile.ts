/**
 * `deno task compile`: builds dist/spooler. Deno embeds an npm package as a whole, and each megabyte of
 * the executable is one of memory while the program idles. So the packages of which it needs a part
 * are replaced by a copy of that part, in an import map for the build alone.
 */

import { findPackage } from "./npm_packages.ts";
import { root } from "./test_files.ts";

interface Part {
  /** What is copied, and where to. */
  readonly files: Readonly<Record<string, string>>;
  /** What the import means; absent is its own path. */
  readonly main?: string;
}

/** Of these packages only this. */
const PARTS: Readonly<Record<string, Part>> = {
  "deno-std": {
    files: { path: "path", "cli/parse_args.js": "cli/parse_args.js", internal: "internal" },
  },
  // Its other files load this one. It is CommonJS, which only its ending says without a package.json.
  amaro: { files: { "dist/internal.js": "internal.cjs" }, main: "internal.cjs" },
};

/** Imports that the program does not have. */
const ONLY_TESTS = ["@std/assert", "fast-check"];

/**
 * A small nursery, as the program makes little garbage at a time. And V8 is to collect it when a fifth is
 * garbage: by default it first lets it grow to some 60 MB (docs/decisions.md).
 */
const V8_FLAGS = [
  "--min-semi-space-size=1",
  "--max-semi-space-size=2",
  "--initial-old-space-size=8",
  "--heap-growing-percent=20",
];

/** In seconds. Deno puts the time of each file into the executable: this makes two builds the same. */
const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? 0);

/** Where SOURCE_DATE_EPOCH asks for the same bytes from any checkout, its files have that time, too. */
async function setTimes(path: string): Promise<void> {
  if ((await Deno.stat(path)).isFile) return await Deno.utime(path, epoch, epoch);
  for await (const { name } of Deno.readDir(path)) await setTimes(`${path}/${name}`);
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(from, to);
    return await Deno.utime(to, epoch, epoch);
  }
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

async function deno(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdout: "piped",
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) Deno.exit(1);
  return new TextDecoder().decode(stdout);
}

if (epoch > 0) {
  const sources = ["main.ts", "deno.json", "src", "workers", "docs/man"];
  for (const path of sources) await setTimes(root + path);
}
const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`)) as {
  imports: Record<string, string>;
};
await deno("cache", "--quiet", "main.ts", "workers/javascript/main.ts");
// Below the root, so that the paths in the executable have no other beginning.
const scratch = `${root}dist/parts`;
await Deno.mkdir(scratch, { recursive: true });
try {
  const map: Record<string, string> = {};
  for (const [key, target] of Object.entries(imports)) {
    if (ONLY_TESTS.includes(key)) continue;
    const [, name = "", version = "", path = ""] = /^npm:(.+)@([^/@]+)(\/.*)?$/.exec(target) ?? [];
    const part = PARTS[name];
    if (part === undefined) {
      map[key] = target.startsWith("./") ? `../../${target.slice(2)}` : target;
      continue;
    }
    const from = await findPackage(name, version);
    for (const [file, to] of Object.entries(part.files)) {
      await copy(`${from}/${file}`, `${scratch}/${name}/${to}`);
    }
    map[key] = `./${name}${part.main === undefined ? path : `/${part.main}`}`;
  }
  const importMap = `${scratch}/import_map.json`;
  await Deno.writeTextFile(importMap, JSON.stringify({ imports: map }, null, 2));
  const included = [
    ...["workers/python", "workers/uwsgi.d.ts", "src/server/intake_worker.ts", "docs/man"],
  ].flatMap((path) => ["--include", path]);
  const options = [
    `--v8-flags=${V8_FLAGS.join(",")}`,
    "--quiet",
    "--allow-all",
    "--no-check",
    "--no-lock",
    "--import-map",
    importMap,
  ];
  await deno("compile", ...options, ...included, "--output", "dist/spooler", "main.ts");
} finally {
  await Deno.remove(scratch, { recursive: true });
}
