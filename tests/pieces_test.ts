/** The build makes scripts of the modules of the bundle: they do what the modules did. */

import { contentOf, pieceFile, pieceName } from "../.ci/piece_file.ts";
import { refuseCycles, toScript } from "../.ci/pieces.ts";
import { assertEquals, assertRejects, assertThrows } from "./support/assert.ts";

type Piece = (
  load: (name: string) => unknown,
  later: (name: string) => Promise<unknown>,
  meta: { readonly url: string },
) => Record<string, unknown> | undefined;

/** Runs a script as the executable does, with these other pieces. */
async function exportsOf(module: string, pieces: Record<string, unknown> = {}) {
  const piece: Piece = new Function(`return ${await toScript(module)}`)();
  const loaded: string[] = [];
  const load = (name: string) => {
    loaded.push(name);
    return pieces[name];
  };
  const exports = piece(load, (name) => Promise.resolve(load(name)), { url: "file:///place" });
  return { exports: exports ?? {}, loaded };
}

Deno.test("a piece has what its module imports, and returns what it exports", async () => {
  const module = 'import{a as x,$ as y}from"./one.js";import p from"node:process";' +
    'import"./two.js";var sum=x+y+p.n;var u=import.meta.url;' +
    'var later=()=>import("./three.js");export{sum as a,u,later as c};\n';
  const { exports, loaded } = await exportsOf(module, {
    "./one.js": { a: 1, $: 2 },
    "node:process": { n: 4 },
    "./three.js": { d: 8 },
  });
  assertEquals([exports.a, exports.u], [7, "file:///place"]);
  assertEquals(loaded, ["./one.js", "node:process", "./two.js"]);
  assertEquals(await (exports.c as () => Promise<unknown>)(), { d: 8 });
  assertEquals(loaded.at(-1), "./three.js");
});

Deno.test("what looks like an import or an export in a text stays as it is", async () => {
  const module = 'var a="import{b}from\\"c\\";export{d};";export{a};\n';
  assertEquals((await exportsOf(module)).exports, { a: 'import{b}from"c";export{d};' });
});

Deno.test("a piece is strict, as a module is", async () => {
  const module = "var a=(function(){return this})();export{a};\n";
  assertEquals((await exportsOf(module)).exports, { a: undefined });
});

Deno.test("imports that esbuild does not write end the build", async () => {
  await assertRejects(
    () => toScript('import*as a from"./b.js";'),
    Error,
    "no import of a known form",
  );
});

Deno.test("modules that import each other end the build", () => {
  const imports = { a: ["b", "c"], b: ["c"], c: [] };
  refuseCycles(new Map(Object.entries(imports)));
  assertThrows(
    () => refuseCycles(new Map(Object.entries({ ...imports, c: ["a"] }))),
    Error,
    "import each other: a b c a",
  );
});

Deno.test("the file of a piece: the size of its text, the text, its code", () => {
  assertEquals([...pieceFile("ab", null)], [0, 0, 0, 2, 97, 98]);
  assertEquals([...pieceFile("ab", Uint8Array.of(7, 8))], [0, 0, 0, 2, 97, 98, 7, 8]);
});

Deno.test("what is in the file of a piece is what it was made of, in any script of the world", () => {
  // esbuild leaves what is not ASCII in a tagged template as it is.
  const script = "html`Retry all… – 再試行`";
  assertEquals(contentOf(pieceFile(script, null)), { script });
  const code = Uint8Array.of(0, 200, 8);
  assertEquals(contentOf(pieceFile(script, code)), { script, code });
  assertEquals(pieceName("./chunk-1.js"), "./chunk-1.piece");
});
