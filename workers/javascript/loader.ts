/**
 * Loads task modules. A compiled program has no TypeScript compiler inside, and the engine imports
 * plain JavaScript only: so a module and everything it imports by relative path is turned into
 * JavaScript in a directory of this worker, and imported from there. The same is done when the
 * program runs from source, so that both behave alike.
 *
 * The copies know where they come from: `import.meta` and stack traces name the original files.
 */

import { init, parse } from "es-module-lexer";
import { dirname, extname, join } from "@std/path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { builtinModule, requireBuiltin } from "./builtin.ts";
import { LoadError } from "./load_error.ts";
import { type Position, SourceMap } from "./source_map.ts";
import { readTypeScript } from "./typescript.ts";

const TYPESCRIPT = [".ts", ".mts"];
const JAVASCRIPT = [".js", ".mjs"];

/** What dynamic imports of the copies call. */
const IMPORT = "__spooler_import__";
/** What the copies that use import.meta call first. */
const META = "__spooler_meta__";

interface Copy {
  readonly source: string;
  /** Null for JavaScript, and for TypeScript whose lines and columns have stayed where they were. */
  readonly map: SourceMap | null;
  /** Characters that were put in front of the first line. */
  readonly prefix: number;
}

export class ModuleLoader {
  /** From the path of a source file to that of its copy; there before the copy is written. */
  readonly #targets = new Map<string, string>();
  readonly #copies = new Map<string, Copy>();
  readonly #files = new Set<string>();
  /** Dynamic imports prepare their copies one after the other: one that is half written must not be imported. */
  #preparing: Promise<unknown> = Promise.resolve();

  /** @param root an empty directory, for the copies */
  constructor(private readonly root: string) {
    const global = globalThis as unknown as Record<string, unknown>;
    hide(global, IMPORT, (from: string, specifier: unknown) => this.#importFrom(from, specifier));
    hide(global, META, setMeta);
    hide(global, "require", requireBuiltin);
  }

  /** The files that were read so far, or could not be. */
  get files(): string[] {
    return [...this.#files];
  }

  /**
   * Imports a module and runs it.
   *
   * @param path absolute
   * @throws {LoadError} when it, or one that it imports, cannot be read or understood
   * @throws {unknown} what the module itself throws
   */
  async load(path: string): Promise<Record<string, unknown>> {
    await init;
    const target = await this.#prepare(path, null);
    try {
      return await import(pathToFileURL(target).href) as Record<string, unknown>;
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** A text in which every place in a copy is replaced by the place it comes from. */
  original(text: string): string {
    if (!text.includes(this.root)) return text;
    const url = pathToFileURL(this.root).href;
    return text.replaceAll(url, this.root).replaceAll(
      this.#pattern,
      (whole, copy, line, column) => {
        const found = this.#copies.get(copy);
        if (found === undefined) return whole;
        if (line === undefined) return found.source;
        const at = originalPosition(found, { line: Number(line), column: Number(column ?? 1) });
        return `${found.source}:${at.line}${column === undefined ? "" : `:${at.column}`}`;
      },
    );
  }

  get #pattern(): RegExp {
    const escaped = this.root.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(${escaped}/[^\\s:)'"]*\\.mjs)(?::(\\d+)(?::(\\d+))?)?`, "g");
  }

  /** Writes the copy of a file and of all it imports; returns the copy's path. */
  async #prepare(path: string, importer: string | null): Promise<string> {
    const known = this.#targets.get(path);
    if (known !== undefined) return known;
    const target = `${join(this.root, path)}.mjs`;
    this.#targets.set(path, target);
    this.#files.add(path);
    try {
      const text = await readSource(path, importer);
      const { code, map } = await translate(path, text, importer);
      const { copy, prefix } = await this.#rewritten(path, code);
      this.#copies.set(target, { source: path, map, prefix });
      await Deno.mkdir(dirname(target), { recursive: true });
      await Deno.writeTextFile(target, copy);
      return target;
    } catch (error) {
      this.#targets.delete(path);
      throw error;
    }
  }

  /** The code with its imports pointing to copies. */
  async #rewritten(path: string, code: string): Promise<{ copy: string; prefix: number }> {
    // A `#!` line is only one in front of everything else.
    const text = code.startsWith("#!") ? `//${code.slice(2)}` : code;
    const imports = parseImports(path, text);
    const url = JSON.stringify(pathToFileURL(path).href);
    const prefix = imports.some(({ d }) => d === -2) ? `${META}(import.meta,${url});` : "";
    let copy = prefix;
    let at = 0;
    for (const { n, s, e, ss, se, d, a } of imports) {
      if (d === -2) continue;
      if (d >= 0) {
        copy += `${text.slice(at, ss)}${IMPORT}(${url},`;
        at = d + 1;
        continue;
      }
      const target = await this.#resolve(n ?? "", path);
      copy += text.slice(at, s) + target;
      at = e;
      if (a >= 0) {
        // The attributes said that it is JSON; its copy is a module like any other.
        copy += text.slice(e, e + 1) + text.slice(e + 1, se).replaceAll(/[^\n]/g, " ");
        at = se;
      }
    }
    return { copy: copy + text.slice(at), prefix: prefix.length };
  }

  /** What an import of `specifier` in the file `importer` imports instead. */
  async #resolve(specifier: string, importer: string): Promise<string> {
    const builtin = builtinModule(specifier);
    if (builtin !== null) return builtin;
    if (/^(\.\.?)?\//.test(specifier) || specifier.startsWith("file:")) {
      const url = new URL(specifier, pathToFileURL(importer));
      // What stands behind ? or # makes a module of its own elsewhere; here it is the same one.
      const path = fileURLToPath(url.origin === "null" ? `file://${url.pathname}` : url);
      return pathToFileURL(await this.#prepare(path, importer)).href;
    }
    throw new LoadError(
      `${importer}: cannot import "${specifier}": only relative paths and node: modules can be ` +
        "imported by task code as it is; bundle it into one file first (see docs/typescript.md)",
    );
  }

  async #importFrom(from: string, specifier: unknown): Promise<unknown> {
    const resolving = this.#preparing.then(() =>
      this.#resolve(String(specifier), fileURLToPath(from))
    );
    this.#preparing = resolving.catch(() => {});
    return await import(await resolving);
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const message = this.original(error.message);
    if (message !== error.message) error.message = message;
    if (/does not provide an export named/.test(message)) {
      error.message += " (a type is imported with `import type`)";
    }
    return error;
  }
}

function originalPosition({ map, prefix }: Copy, at: Position): Position {
  const column = at.line === 1 ? Math.max(1, at.column - prefix) : at.column;
  return map?.original({ line: at.line, column }) ?? { line: at.line, column };
}

function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
}

/** Gives a copy the `import.meta` of the file it comes from. */
function setMeta(meta: Record<string, unknown>, url: string): void {
  const filename = fileURLToPath(url);
  Object.assign(meta, { url, filename, dirname: dirname(filename), main: false });
  meta.resolve = (specifier: string) => new URL(specifier, url).href;
}

async function readSource(path: string, importer: string | null): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    const from = importer === null ? "" : `${importer}: `;
    throw new LoadError(`${from}cannot read ${path}: ${reason}${await hintFor(path)}`);
  }
}

/** The engine adds no ending to what is imported. */
async function hintFor(path: string): Promise<string> {
  for (const ending of [...TYPESCRIPT, ...JAVASCRIPT]) {
    const isThere = await Deno.stat(path + ending).then(({ isFile }) => isFile, () => false);
    if (isThere) return `; did you mean ${path}${ending}?`;
  }
  return "";
}

/** A file of any kind that can be imported, as JavaScript. */
async function translate(path: string, text: string, importer: string | null) {
  const ending = extname(path);
  if (JAVASCRIPT.includes(ending)) return { code: text, map: null };
  if (TYPESCRIPT.includes(ending)) return await readTypeScript(path, text);
  if (ending === ".json") {
    try {
      JSON.parse(text);
    } catch (error) {
      throw new LoadError(`${path}: not JSON: ${error instanceof Error ? error.message : ""}`);
    }
    return { code: `export default JSON.parse(${JSON.stringify(text)});`, map: null };
  }
  const from = importer === null ? "" : `${importer}: `;
  throw new LoadError(
    `${from}cannot import ${path}: task code is .ts, .mts, .js, .mjs or .json; ` +
      "bundle anything else into one file first (see docs/typescript.md)",
  );
}

function parseImports(path: string, text: string) {
  try {
    return parse(text, path)[0];
  } catch (error) {
    const at = (error as { idx?: number }).idx ?? 0;
    const before = text.slice(0, at).split("\n");
    throw new LoadError(
      `${path}:${before.length}:${
        (before.at(-1) ?? "").length + 1
      }: this is not a JavaScript module`,
    );
  }
}
