/**
 * `deno task compile`: builds dist/spooler. The program is bundled first: to load its hundreds of files
 * one by one takes most of the time of a start (docs/decisions.md). Each megabyte of the executable is
 * one of memory while the program idles, so of the npm packages only what is used is in the bundle.
 */

import * as esbuild from "esbuild";
import { packAlone, PACKED } from "./pack_alone.ts";
import { packTogether } from "./pack_together.ts";
import { pieceFile, pieceName } from "./piece_file.ts";
import { refuseCycles, toScript } from "./pieces.ts";

const root = new URL("../", import.meta.url).pathname;
// Below the root, so that the paths in the executable have no other beginning.
const scratch = `${root}dist/parts`;
/** Links to the packages. The bundle names each file that is in it, and not where the cache is. */
const packages = `${scratch}/packages`;
const pieces = `${scratch}/pieces`;
/** The compiled code of each. */
const codes = `${scratch}/codes`;

/** Of packages whose import does not name a file, the file. */
const ENTRIES: Readonly<Record<string, string>> = {
  "es-module-lexer": "dist/lexer.js",
  "get-east-asian-width": "index.js",
};

/** CommonJS packages that only sites with a stream need, in one compressed file. */
const NATS = /^(?:@nats-io\/.*|js-sha256|tweetnacl)$/;
const NATS_PACKED = "packed.json.br";

/** Imports that the program does not have. */
const NOT_INSIDE = ["@std/assert", "axe-core", "esbuild", "fast-check", "playwright-core"];

/** Files that are read by their place beside the program's own. */
const READ = ["workers/python", "workers/uwsgi.d.ts", "docs/man", "src/web/assets"];
/** Each is started as a thread, and a bundle of its own. */
const THREADS: Readonly<Record<string, string>> = {
  intake_worker: "src/server/intake_worker.ts",
  second_reader_worker: "src/spool/second_reader_worker.ts",
};

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
  // V8 would move code that waits for a call of the runtime, and the call would return to the old place.
  "--no-compact-code-space",
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
    } else if (name in PACKED) files.set(key, await packAlone(scratch, from, name));
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
        // An importing piece has a copy.
        if (/^export (?:let|var) /m.test(text)) throw new Error(`${path} exports a variable`);
        const place = `new URL("../../${path.slice(root.length)}", import.meta.url).href`;
        const contents = Object.keys(THREADS).reduce(
          (text, thread) =>
            text.replaceAll(`new URL("./${thread}.ts", ${place})`, threadPlace(thread)),
          text.replaceAll("import.meta.url", place),
        );
        return { contents, loader: "ts" };
      });
    },
  };
}

/** A thread's bundle lies beside the program's own. */
const threadPlace = (thread: string) => `new URL("./${thread}.js", import.meta.url)`;

const BUNDLED = {
  outdir: scratch,
  absWorkingDir: root,
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
} as const;

/** The program as the start of the executable imports it. */
const fromPieces: esbuild.Plugin = {
  name: "pieces",
  setup(build) {
    build.onLoad({ filter: /src\/cli\/main\.ts$/ }, () => ({
      contents: `import { load } from "${root}.ci/load_pieces.js";
export const { main } = load("./program.js");`,
    }));
  },
};

/** Of each piece of the program the name and the script. */
async function bundlePieces(plugin: esbuild.Plugin): Promise<Map<string, string>> {
  const { outputFiles, metafile } = await esbuild.build({
    ...BUNDLED,
    entryPoints: { program: `${root}src/cli/main.ts` },
    plugins: [plugin],
    write: false,
    metafile: true,
  });
  const imports = Object.entries(metafile.outputs).map(([name, { imports }]) =>
    [
      name,
      imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => path),
    ] as const
  );
  refuseCycles(new Map(imports));
  const scripts = new Map<string, string>();
  for (const { path, text } of outputFiles) {
    scripts.set(`./${path.slice(scratch.length + 1)}`, await toScript(text));
  }
  return scripts;
}

/** What is no piece: the start of the executable, task workers, the thread that takes tasks. */
async function bundleModules(plugin: esbuild.Plugin): Promise<void> {
  await esbuild.build({
    ...BUNDLED,
    entryPoints: {
      main: `${root}main.ts`,
      ...Object.fromEntries(Object.entries(THREADS).map(([name, path]) => [name, root + path])),
      compiled_code: `${root}.ci/compiled_code.js`,
    },
    plugins: [fromPieces, plugin],
  });
}

async function writePieces(scripts: ReadonlyMap<string, string>): Promise<void> {
  await Deno.mkdir(pieces, { recursive: true });
  for (const [name, script] of scripts) {
    const code = await Deno.readFile(`${codes}/${name}`).catch(() => null);
    await Deno.writeFile(`${pieces}/${pieceName(name)}`, pieceFile(script, code));
  }
  for await (const { name } of Deno.readDir(scratch)) {
    if (`${scratch}/${name}` !== packages) await setTimes(`${scratch}/${name}`);
  }
}

const deno = (...args: string[]) => run(Deno.execPath(), args);

async function run(command: string, args: string[]): Promise<string> {
  const child = new Deno.Command(command, { args, cwd: root, stdout: "piped", stderr: "inherit" });
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`${command} ${args[0]}: failed`);
  return new TextDecoder().decode(stdout);
}

/** Compiles a module of the bundle. */
async function compile(module: string, output: string): Promise<void> {
  const importMap = `${scratch}/import_map.json`;
  await Deno.writeTextFile(importMap, JSON.stringify({ imports: {} }));
  const packed = [...Object.keys(PACKED).map((name) => `${name}.br`), NATS_PACKED]
    .map((name) => `${scratch}/${name}`);
  const threads = Object.keys(THREADS).map((name) => `${scratch}/${name}.js`);
  const includes = [...READ, ...threads, ...packed, pieces];
  await deno(
    "compile",
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
    "--output",
    output,
    `${scratch}/${module}`,
  );
}

if (epoch > 0) { for (const path of ["main.ts", ...READ]) await setTimes(root + path); }
// What a build that was broken off has left.
await Deno.remove(scratch, { recursive: true }).catch(() => {});
await Deno.mkdir(codes, { recursive: true });
try {
  const plugin = places(await importedFiles());
  const scripts = await bundlePieces(plugin);
  await bundleModules(plugin);
  await esbuild.stop();
  await writePieces(scripts);
  // Which functions it has compiled depends on the time of things: it is not the same bytes twice.
  if (epoch === 0) {
    await compile("compiled_code.js", `${scratch}/compiled_code`);
    await run(`${scratch}/compiled_code`, [codes]);
    await writePieces(scripts);
  }
  await compile("main.js", "dist/spooler");
} finally {
  await Deno.remove(scratch, { recursive: true });
}
