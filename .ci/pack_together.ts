/**
 * Packs CommonJS packages that need each other into one compressed file, with a module that unpacks it
 * and one for each way to import them. Few processes need them, and all have in memory what is
 * embedded (docs/decisions.md).
 */

import { brotliCompressSync } from "node:zlib";

export interface Packed {
  /** Of the compressed file, in the directory. */
  readonly file: string;
  /** The module for each import, in the directory. */
  readonly modules: ReadonlyMap<string, string>;
}

interface PackageManifest {
  readonly main?: string;
  readonly exports?: Readonly<Record<string, string>>;
}

/**
 * @param dir is made
 * @param packages where the files of each are
 * @param imports what is imported of them, as in `@nats-io/nats-core/internal`
 */
export async function packTogether(
  dir: string,
  packages: ReadonlyMap<string, string>,
  imports: readonly string[],
): Promise<Packed> {
  const files: Record<string, string> = {};
  const entries: Record<string, string> = {};
  for (const [name, from] of packages) {
    const manifest: PackageManifest = JSON.parse(await Deno.readTextFile(`${from}/package.json`));
    const entry = manifest.main ?? "index.js";
    const exported = manifest.exports ?? { ".": `./${entry.replace(/^\.\//, "")}` };
    for (const [key, path] of Object.entries(exported)) {
      entries[name + key.slice(1)] = `${name}/${path.slice(2)}`;
    }
    const isLib = Object.values(exported).every((path) => path.startsWith("./lib/"));
    for await (const path of isLib ? filesOf(from, "lib/") : [exported["."]?.slice(2) ?? ""]) {
      files[`${name}/${path}`] = await Deno.readTextFile(`${from}/${path}`);
    }
  }
  await Deno.mkdir(dir, { recursive: true });
  const file = "packed.json.br";
  await Deno.writeFile(`${dir}/${file}`, brotliCompressSync(JSON.stringify({ files, entries })));
  await Deno.writeTextFile(`${dir}/unpacked.js`, UNPACK);
  const { load } = await import(`file://${dir}/unpacked.js`);
  const modules = new Map<string, string>();
  for (const [i, name] of imports.entries()) {
    const names = Object.keys(load(name)).filter((each) => /^[A-Za-z_$][\w$]*$/.test(each));
    const module = `package_${i}.js`;
    await Deno.writeTextFile(
      `${dir}/${module}`,
      `import { load } from "./unpacked.js";\n` +
        `export const { ${names.filter((each) => each !== "__esModule").join(", ")} } = ` +
        `load(${JSON.stringify(name)});\n`,
    );
    modules.set(name, module);
  }
  return { file, modules };
}

async function* filesOf(from: string, dir: string): AsyncGenerator<string> {
  const names = [];
  for await (const { name } of Deno.readDir(`${from}/${dir}`)) names.push(name);
  for (const name of names.toSorted()) if (name.endsWith(".js")) yield dir + name;
}

/** Node's rules for `require`, as far as these packages need them. */
const UNPACK = `import { createRequire } from "node:module";
import { brotliDecompressSync } from "node:zlib";
const packed = Deno.readFileSync(new URL("./packed.json.br", import.meta.url));
const { files, entries } = JSON.parse(brotliDecompressSync(packed).toString());
const requireOfNode = createRequire(import.meta.url);
const loaded = new Map();
function loadFile(path) {
  const known = loaded.get(path);
  if (known) return known.exports;
  const module = { exports: {} };
  loaded.set(path, module);
  const require = (name) => {
    if (!name.startsWith(".")) return name in entries ? load(name) : requireOfNode(name);
    const found = new URL(name, "file:///" + path).pathname.slice(1);
    return loadFile(found in files ? found : found + ".js");
  };
  new Function("module", "exports", "require", files[path])(module, module.exports, require);
  return module.exports;
}
export function load(name) {
  return loadFile(entries[name]);
}
`;
