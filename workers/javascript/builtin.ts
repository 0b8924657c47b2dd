/**
 * Node's own modules, the one thing that task code can import or require by a bare name. Bundlers
 * leave these names as they found them, and packages rarely write `node:` in front.
 */

import { createRequire, isBuiltin } from "node:module";

const load = createRequire(import.meta.url);

/** What an import of this name imports; null when it is no module of Node's. */
export function builtinModule(name: string): string | null {
  if (name.startsWith("node:")) return name;
  return isBuiltin(name) ? `node:${name}` : null;
}

/**
 * `require`, as bundled CommonJS code calls it for what cannot be bundled.
 *
 * @throws {Error} with Node's code, by which such code knows that a module is not there
 */
export function requireBuiltin(name: string): unknown {
  if (isBuiltin(name)) return load(name);
  const message =
    `cannot require "${name}": only modules of Node's own can be required by task code; ` +
    "bundle it with the rest (see docs/typescript.md)";
  throw Object.assign(new Error(message), { code: "MODULE_NOT_FOUND" });
}
