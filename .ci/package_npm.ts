/**
 * `deno task package:npm`: the client library as an npm package, plain JavaScript with its types, in
 * dist/npm/, and as a tarball in dist/release/. The compiler is npm's own, run by npx.
 */

import { VERSION } from "../src/platform/version.ts";
import { root } from "./test_files.ts";

const COMPILER = "typescript@5.9.3";
const OUT = `${root}dist/npm`;
/** What is imported by `spooler/NAME`, without its ending. */
const ENTRIES = { client: "src/client/mod", testing: "workers/testing/mod" };

const MANIFEST = {
  name: "spooler",
  version: VERSION,
  description: "Gives the spooler work: puts tasks into a spool directory, or sends them",
  license: "MIT",
  type: "module",
  engines: { node: ">=20" },
  exports: Object.fromEntries(
    Object.entries(ENTRIES).map(([name, path]) => [`./${name}`, {
      types: `./${path}.d.ts`,
      default: `./${path}.js`,
    }]),
  ),
  files: ["src", "workers", "uwsgi.d.ts"],
};

const COMPILER_OPTIONS = {
  target: "es2022",
  module: "esnext",
  moduleResolution: "bundler",
  lib: ["es2022", "dom", "esnext.disposable"],
  declaration: true,
  rewriteRelativeImportExtensions: true,
  // `deno check` has checked them, with the types of Node.
  noCheck: true,
  skipLibCheck: true,
  types: [],
  rootDir: root,
  outDir: OUT,
};

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd })
    .output();
  if (success) return;
  const text = new TextDecoder();
  throw new Error(`${command} ${args.join(" ")}: ${text.decode(stdout)}${text.decode(stderr)}`);
}

/** Declarations name the files beside them, as code does. */
async function finishDeclarations(dir: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    const path = `${dir}/${name}`;
    if (isDirectory) await finishDeclarations(path);
    else if (name.endsWith(".d.ts")) {
      const text = await Deno.readTextFile(path);
      const named = text.replaceAll(/((?:from|import\()\s*"\.[^"]*)\.ts"/g, '$1.js"');
      const library = named.includes("Symbol.asyncDispose")
        ? '/// <reference lib="esnext.disposable" />\n'
        : "";
      await Deno.writeTextFile(path, library + named);
    }
  }
}

await Deno.remove(OUT, { recursive: true }).catch(() => {});
await Deno.mkdir(OUT, { recursive: true });
await Deno.mkdir(`${root}dist/release`, { recursive: true });
const config = `${OUT}/tsconfig.json`;
const files = Object.values(ENTRIES).map((path) => `${root}${path}.ts`);
await Deno.writeTextFile(config, JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files }));
await run("npx", ["-y", "-p", COMPILER, "tsc", "-p", config], OUT);
await Deno.remove(config);
await finishDeclarations(OUT);
await Deno.writeTextFile(`${OUT}/package.json`, `${JSON.stringify(MANIFEST, null, 2)}\n`);
await Deno.copyFile(`${root}workers/uwsgi.d.ts`, `${OUT}/uwsgi.d.ts`);
await Deno.copyFile(`${root}LICENSE`, `${OUT}/LICENSE`);
await Deno.copyFile(`${root}docs/clients.md`, `${OUT}/README.md`);
await run("npm", ["pack", "--silent", "--pack-destination", `${root}dist/release`], OUT);
console.log(`dist/release/${MANIFEST.name}-${VERSION}.tgz`);
