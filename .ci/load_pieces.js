/** In the executable: loads pieces of the program, which .ci/pieces.ts has made. */

import { createRequire } from "node:module";
import { Script } from "node:vm";
import { contentOf, pieceName } from "./piece_file.ts";

const require = createRequire(import.meta.url);
const loaded = new Map();
const meta = { url: import.meta.url };

/** For `spooler --version --json`, see src/platform/compiled_code.ts. */
const counts = { accepted: 0, refused: 0 };
globalThis[Symbol.for("spooler.compiledCode")] = counts;

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
  const url = new URL(`./pieces/${pieceName(name)}`, import.meta.url);
  const { script: text, code: cachedData } = contentOf(Deno.readFileSync(url));
  const script = new Script(text, { filename: new URL(name, import.meta.url).href, cachedData });
  if (cachedData !== undefined) counts[script.cachedDataRejected ? "refused" : "accepted"]++;
  watching.made?.(name, script);
  return script.runInThisContext();
}
