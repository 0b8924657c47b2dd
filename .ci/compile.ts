/**
 * `deno task compile`: builds dist/spooler. The program is bundled first: to load its hundreds of files
 * one by one takes most of the time of a start (docs/decisions.md). Each megabyte of the executable is
 * one of memory while the program idles, so of the npm packages only what is used is in the bundle.
 */

import { brotliCompressSync } from "node:zlib";
import * as esbuild from "esbuild";
import { packTogether } from "./pack_together.ts";

const root = new URL("../", import.meta.url).pathname;
// Below the root, so that the paths in the executable have no other beginning.
const scratch = `${root}dist/parts`;
/** Links to the packages. The bundle names each file that is in it, and not where the cache is. */
const packages = `${scratch}/packages`;

/** Of packages whose import does not name a file, the file. */
const ENTRIES: Readonly<Record<string, string>> = {
  "es-module-lexer": "dist/lexer.js",
  "get-east-asian-width": "index.js",
};

/** What only few processes need is embedded compressed: all of them have in memory what is embedded. */
const PACKED: Readonly<Record<string, { readonly file: string; readonly exports: string }>> = {
  amaro: { file: "dist/internal.js", exports: "transformSync" },
};

const UNPACKED_FOR_MS = 1000;

/** CommonJS packages that only sites with a stream need, in one compressed file. */
const NATS = /^(?:@nats-io\/.*|js-sha256|tweetnacl)$/;
const NATS_PACKED = "packed.json.br";

/** Imports that the program does not have. */
const NOT_INSIDE = ["@std/assert", "axe-core", "esbuild", "fast-check", "playwright-core"];

/** Files that are read, or started as a thread, by their place beside the program's own. */
const READ = ["workers/python", "workers/uwsgi.d.ts", "docs/man", "src/web/assets"];
const INTAKE_WORKER = "src/server/intake_worker.ts";

/**
 * A small nursery, as the program makes little garbage at a time. And V8 is to collect it when a fifth is
 * garbage: by default it first lets it grow to some 60 MB (docs/decisions.md). But not before a short
 * command is over, which needs less than 16.
 */
const V8_FLAGS = [
  "--min-semi-space-size=1",
  "--max-semi-space-size=2",
  "--initial-old-space-size=16",
  "--heap-growing-percent=20",
  // A fifth, and not at least 8 MB in each of two threads.
  "--optimize-for-size",
  // For src/platform/garbage.ts.
  "--expose-gc",
];

interface DenoInfo {
  readonly npmCache: string;
}

/** Where Deno keeps the files of an npm package. */
async function findPackage(npmCache: string, name: string, version: string): Promise<string> {
  for await (const { name: registry } of Deno.readDir(npmCache)) {
    const dir = `${npmCache}/${registry}/${name}/${version}`;
    if (await Deno.stat(dir).then(() => true, () => false)) return dir;
  }
  throw new Error(`${name} ${version} is not in ${npmCache}: deno cache main.ts`);
}

/** In seconds. Deno puts the time of each file into the executable: this makes two builds the same. */
const epoch = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? 0);

/** Where SOURCE_DATE_EPOCH asks for the same bytes from any checkout, its files have that time, too. */
async function setTimes(path: string): Promise<void> {
  if ((await Deno.stat(path)).isFile) return await Deno.utime(path, epoch, epoch);
  for await (const { name } of Deno.readDir(path)) await setTimes(`${path}/${name}`);
}

/** A compressed copy of a package's file, which is CommonJS; returns the module that unpacks it. */
async function pack(from: string, name: string): Promise<string> {
  const { file, exports } = PACKED[name] ?? { file: "", exports: "" };
  const packed = `${scratch}/${name}.br`;
  await Deno.writeFile(packed, brotliCompressSync(await Deno.readFile(`${from}/${file}`)));
  await Deno.utime(packed, epoch, epoch);
  const unpacked = `${scratch}/${name}.js`;
  await Deno.writeTextFile(
    unpacked,
    // What was unpacked is let go of when it has not been called for a while.
    `import { createRequire } from "node:module";
import { brotliDecompressSync } from "node:zlib";
const { setTimeout, clearTimeout } = globalThis;
let unpacked = null;
let timer;
function unpack() {
  const packed = Deno.readFileSync(new URL("./${name}.br", import.meta.url));
  const code = brotliDecompressSync(packed).toString();
  const module = { exports: {} };
  const run = new Function("module", "exports", "require", code);
  run(module, module.exports, createRequire(import.meta.url));
  return module.exports;
}
export function ${exports}(...args) {
  clearTimeout(timer);
  timer = setTimeout(() => unpacked = null, ${UNPACKED_FOR_MS});
  Deno.unrefTimer(timer);
  return (unpacked ??= unpack()).${exports}(...args);
}
`,
  );
  return unpacked;
}

/** From the names that the program imports to files. */
async function importedFiles(): Promise<Map<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`)) as {
    imports: Record<string, string>;
  };
  await deno("cache", "--quiet", "main.ts", "workers/javascript/main.ts");
  const { npmCache } = JSON.parse(await deno("info", "--json")) as DenoInfo;
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const nats = new Map<string, string>();
  const natsImports: string[] = [];
  for (const [key, target] of Object.entries(imports)) {
    if (NOT_INSIDE.includes(key)) continue;
    const [, name = "", version = "", path = ""] = /^npm:(.+)@([^/@]+)(?:\/(.*))?$/.exec(target) ??
      [];
    if (name === "") {
      files.set(key, `${root}${target.slice(2)}`);
      continue;
    }
    const from = await findPackage(npmCache, name, version);
    if (NATS.test(name)) {
      nats.set(name, from);
      natsImports.push(key);
    } else if (name in PACKED) files.set(key, await pack(from, name));
    else {
      links.set(name, from);
      files.set(key, `${packages}/${name}/${path || (ENTRIES[name] ?? "")}`);
    }
  }
  await Deno.mkdir(packages);
  for (const [name, from] of links) await Deno.symlink(from, `${packages}/${name}`);
  const { modules } = await packTogether(scratch, nats, natsImports);
  for (const [key, module] of modules) files.set(key, `${scratch}/${module}`);
  return files;
}

/**
 * The imports of deno.json; and in a bundle `import.meta.url` still is the place of the file that asks, by
 * which it finds what lies beside it.
 */
function places(files: ReadonlyMap<string, string>): esbuild.Plugin {
  return {
    name: "places",
    setup(build) {
      build.onResolve({ filter: /^[^.]/ }, ({ path }) => {
        const file = files.get(path);
        return file === undefined ? null : { path: file };
      });
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const text = await Deno.readTextFile(path);
        const place = `new URL("../../${path.slice(root.length)}", import.meta.url).href`;
        // But this is started as a thread, and a bundle of its own.
        const contents = text.split('new URL("./intake_worker.ts", import.meta.url)')
          .map((part) => part.replaceAll("import.meta.url", place))
          .join('new URL("./intake_worker.js", import.meta.url)');
        return { contents, loader: "ts" };
      });
    },
  };
}

async function bundle(): Promise<void> {
  await esbuild.build({
    entryPoints: { main: `${root}main.ts`, intake_worker: `${root}${INTAKE_WORKER}` },
    outdir: scratch,
    absWorkingDir: root,
    plugins: [places(await importedFiles())],
    bundle: true,
    splitting: true,
    preserveSymlinks: true,
    format: "esm",
    platform: "node",
    target: "es2024",
    charset: "ascii",
    // V8 reads ten kilobytes in a third of a millisecond.
    minify: true,
    logLevel: "warning",
  });
  await esbuild.stop();
  for await (const { name } of Deno.readDir(scratch)) {
    await Deno.utime(`${scratch}/${name}`, epoch, epoch);
  }
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

if (epoch > 0) { for (const path of ["main.ts", ...READ]) await setTimes(root + path); }
// What a build that was broken off has left.
await Deno.remove(scratch, { recursive: true }).catch(() => {});
await Deno.mkdir(scratch, { recursive: true });
try {
  await bundle();
  const importMap = `${scratch}/import_map.json`;
  await Deno.writeTextFile(importMap, JSON.stringify({ imports: {} }));
  const packed = [...Object.keys(PACKED).map((name) => `${name}.br`), NATS_PACKED]
    .map((name) => `${scratch}/${name}`);
  const includes = [...READ, `${scratch}/intake_worker.js`, ...packed];
  const options = [
    `--v8-flags=${V8_FLAGS.join(",")}`,
    "--quiet",
    "--allow-all",
    "--no-check",
    "--no-lock",
    // It would be a file with a known name in /tmp: anybody could put code there (docs/decisions.md).
    "--no-code-cache",
    "--import-map",
    importMap,
    ...includes.flatMap((path) => ["--include", path]),
  ];
  await deno("compile", ...options, "--output", "dist/spooler", `${scratch}/main.js`);
} finally {
  await Deno.remove(scratch, { recursive: true });
}
