/**
 * `deno task compile`: builds dist/spooler. Deno embeds an npm package as a whole, and each megabyte of
 * the executable is one of memory while the program idles. So the packages of which it needs a part
 * are replaced by a copy of that part, in an import map for the build alone.
 */

import { brotliCompressSync } from "node:zlib";
import { packTogether } from "./pack_together.ts";

const root = new URL("../", import.meta.url).pathname;

interface Part {
  /** What is copied, and where to. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * The file that the import means, which is CommonJS and embedded compressed: few processes need it, and
   * all have what is embedded in memory. Absent, the import means its own path.
   */
  readonly packed?: { readonly file: string; readonly exports: readonly string[] };
}

/** Of these packages only this. */
const PARTS: Readonly<Record<string, Part>> = {
  "deno-std": {
    files: { path: "path", "cli/parse_args.js": "cli/parse_args.js", internal: "internal" },
  },
  // Its other files load this one.
  amaro: {
    files: { "dist/internal.js": "internal.js" },
    packed: { file: "internal.js", exports: ["transformSync"] },
  },
};

/** CommonJS packages that only sites with a stream need, in one compressed file. */
const NATS = /^(?:@nats-io\/.*|js-sha256|tweetnacl)$/;

/** Imports that the program does not have. */
const ONLY_TESTS = ["@std/assert", "axe-core", "fast-check", "playwright-core"];

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

/** Replaces a file by a compressed one and a module that unpacks it. @returns the module's name */
async function pack(dir: string, { file, exports }: NonNullable<Part["packed"]>): Promise<string> {
  const packed = brotliCompressSync(await Deno.readFile(`${dir}/${file}`));
  await Deno.writeFile(`${dir}/${file}.br`, packed);
  await Deno.writeTextFile(
    `${dir}/unpacked.js`,
    `import { createRequire } from "node:module";
import { brotliDecompressSync } from "node:zlib";
const packed = Deno.readFileSync(new URL("./${file}.br", import.meta.url));
const code = brotliDecompressSync(packed).toString();
const module = { exports: {} };
const run = new Function("module", "exports", "require", code);
run(module, module.exports, createRequire(import.meta.url));
export const { ${exports.join(", ")} } = module.exports;
`,
  );
  await Deno.remove(`${dir}/${file}`);
  for (const name of [`${file}.br`, "unpacked.js"]) {
    await Deno.utime(`${dir}/${name}`, epoch, epoch);
  }
  return "unpacked.js";
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
const { npmCache } = JSON.parse(await deno("info", "--json")) as DenoInfo;
// Below the root, so that the paths in the executable have no other beginning.
const scratch = `${root}dist/parts`;
await Deno.mkdir(scratch, { recursive: true });
try {
  const map: Record<string, string> = {};
  const included = [
    ...["workers/python", "workers/uwsgi.d.ts", "src/server/intake_worker.ts", "docs/man"],
    "src/web/assets",
  ];
  const natsPackages = new Map<string, string>();
  const natsImports: string[] = [];
  for (const [key, target] of Object.entries(imports)) {
    if (ONLY_TESTS.includes(key)) continue;
    const [, name = "", version = "", path = ""] = /^npm:(.+)@([^/@]+)(\/.*)?$/.exec(target) ?? [];
    if (NATS.test(name)) {
      natsPackages.set(name, await findPackage(npmCache, name, version));
      natsImports.push(key);
      continue;
    }
    const part = PARTS[name];
    if (part === undefined) {
      map[key] = target.startsWith("./") ? `../../${target.slice(2)}` : target;
      continue;
    }
    const from = await findPackage(npmCache, name, version);
    for (const [file, to] of Object.entries(part.files)) {
      await copy(`${from}/${file}`, `${scratch}/${name}/${to}`);
    }
    const packed = part.packed && await pack(`${scratch}/${name}`, part.packed);
    if (packed !== undefined) included.push(`${scratch}/${name}/${part.packed?.file}.br`);
    map[key] = `./${name}${packed === undefined ? path : `/${packed}`}`;
  }
  const nats = await packTogether(`${scratch}/nats`, natsPackages, natsImports);
  included.push(`${scratch}/nats/${nats.file}`);
  for (const [key, module] of nats.modules) map[key] = `./nats/${module}`;
  for await (const { name } of Deno.readDir(`${scratch}/nats`)) {
    await Deno.utime(`${scratch}/nats/${name}`, epoch, epoch);
  }
  const importMap = `${scratch}/import_map.json`;
  await Deno.writeTextFile(importMap, JSON.stringify({ imports: map }, null, 2));
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
  ];
  const includes = included.flatMap((path) => ["--include", path]);
  await deno("compile", ...options, ...includes, "--output", "dist/spooler", "main.ts");
} finally {
  await Deno.remove(scratch, { recursive: true });
}
