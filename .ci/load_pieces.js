/** In the executable: loads pieces of the program, which .ci/pieces.ts has made. */

import { createRequire } from "node:module";
import { Script } from "node:vm";

const require = createRequire(import.meta.url);
const decoder = new TextDecoder();
const loaded = new Map();
const meta = { url: import.meta.url };

/** For the build, which asks each for its compiled code: called with the name and the script. */
export const watching = { made: null };

/** What a piece, or a module of Node, exports. */
export function load(name) {
  if (name.startsWith("node:")) return require(name);
  let exports = loaded.get(name);
  if (exports === undefined) loaded.set(name, exports = run(name)(load, loadLater, meta));
  return exports;
}

const loadLater = (name) => Promise.resolve(name).then(load);

/** Deno refuses code of another V8 or for other flags; then the text is compiled. */
function run(name) {
  const path = name.replace(/\.js$/, ".piece");
  const file = Deno.readFileSync(new URL(`./pieces/${path}`, import.meta.url));
  const end = 4 + new DataView(file.buffer).getUint32(0);
  const cachedData = end < file.length ? file.subarray(end) : undefined;
  const text = decoder.decode(file.subarray(4, end));
  const script = new Script(text, { filename: new URL(name, import.meta.url).href, cachedData });
  watching.made?.(name, script);
  return script.runInThisContext();
}
