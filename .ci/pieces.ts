/**
 * Pieces of the program: modules of the bundle as scripts, each with its code as V8 has compiled it, which
 * saves to parse and compile it at each start. Deno's own cache of compiled code is a file that anybody
 * could make; these are in the executable (docs/decisions.md).
 */

import { init, parse } from "es-module-lexer";

/** Text that stands in place of another. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * A module as the text of a function that returns what it exports. Imports become constants, so nothing that
 * is exported may be assigned to later, and no two modules may import each other.
 *
 * @param text as esbuild writes it: named imports, at most one `export` at the end
 * @throws {Error} for what esbuild does not write
 */
export async function toScript(text: string): Promise<string> {
  await init;
  const edits: Edit[] = parse(text)[0].map(({ n: name = "", ss, se, d: kind }) => {
    if (kind === META) return { start: ss, end: se, text: "__meta" };
    const edited = kind === STATIC
      ? staticImport(text.slice(ss, se), name)
      : `__import(${JSON.stringify(name)})`;
    return { start: ss, end: se, text: edited };
  });
  const exported = /export\{([^{}]*)\};\s*$/.exec(text);
  if (exported) {
    const pairs = pairsOf(exported[1] ?? "").map(([own, other]) => `${other}:${own}`);
    edits.push({ start: exported.index, end: text.length, text: `return{${pairs.join()}};` });
  }
  let script = "";
  let at = 0;
  for (const edit of edits) {
    script += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return `(function(__load,__import,__meta){"use strict";${script}${text.slice(at)}\n})`;
}

/** What es-module-lexer says of an import in place of where it begins. */
const STATIC = -1;
const META = -2;

function staticImport(statement: string, name: string): string {
  const loaded = `__load(${JSON.stringify(name)})`;
  if (statement.startsWith('import"')) return loaded;
  const [, single, several] = /^import(?: ([\w$]+) from|\{([^{}]*)\}from)"/.exec(statement) ?? [];
  // Of a module of Node, which is its own default.
  if (single !== undefined) return `const ${single}=${loaded}`;
  if (several === undefined) throw new Error(`no import of a known form: ${statement}`);
  const pairs = pairsOf(several).map(([other, own]) => `${other}:${own}`);
  return `const{${pairs.join()}}=${loaded}`;
}

/** `a as b,c` */
function pairsOf(list: string): [string, string][] {
  return list.split(",").filter((each) => each !== "").map((each) => {
    const [first = "", second = first] = each.split(" as ");
    return [first, second];
  });
}

/**
 * A constant cannot be made of what its module has not made yet.
 *
 * @param imports of each module its static imports
 * @throws {Error} where modules import each other
 */
export function refuseCycles(imports: ReadonlyMap<string, readonly string[]>): void {
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    if (above.includes(name)) throw new Error(`import each other: ${[...above, name].join(" ")}`);
    if (done.has(name)) return;
    for (const imported of imports.get(name) ?? []) visit(imported, [...above, name]);
    done.add(name);
  };
  for (const name of imports.keys()) visit(name, []);
}
