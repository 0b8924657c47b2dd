/** Packages that are embedded compressed, each in a file of its own. */

import { brotliCompressSync } from "node:zlib";

/** What only few processes need is embedded compressed: all of them have in memory what is embedded. */
export const PACKED: Readonly<Record<string, { readonly file: string; readonly exports: string }>> =
  {
    amaro: { file: "dist/internal.js", exports: "transformSync" },
  };

const UNPACKED_FOR_MS = 1000;

/**
 * Makes a compressed copy of a package's file, which is CommonJS, in a directory.
 *
 * @param from where the package is
 * @returns the path of the module that unpacks it
 */
export async function packAlone(dir: string, from: string, name: string): Promise<string> {
  const { file, exports } = PACKED[name] ?? { file: "", exports: "" };
  const packed = `${dir}/${name}.br`;
  await Deno.writeFile(packed, brotliCompressSync(await Deno.readFile(`${from}/${file}`)));
  const unpacked = `${dir}/${name}.js`;
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
