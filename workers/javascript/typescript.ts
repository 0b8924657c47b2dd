/**
 * From TypeScript to JavaScript, with npm's amaro, which is loaded when the first file needs it.
 *
 * Most TypeScript only has to lose its types: they become blanks, and every line and column stays
 * where it was. Enums, namespaces and parameter properties mean code of their own: such a file is
 * transformed, and a source map leads back to its places.
 */

import { LoadError } from "./load_error.ts";
import { SourceMap } from "./source_map.ts";

export interface Translated {
  readonly code: string;
  /** Null when everything is where it was. */
  readonly map: SourceMap | null;
}

/** What amaro throws. */
interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly startLine?: number;
  /** Counts from 0. */
  readonly startColumn?: number;
}

/** @throws {LoadError} when it is no TypeScript */
export async function readTypeScript(path: string, text: string): Promise<Translated> {
  const { transformSync } = await import("amaro");
  try {
    return { code: transformSync(text, { mode: "strip-only" }).code, map: null };
  } catch (error) {
    if ((error as Refusal).code !== "UnsupportedSyntax") throw refused(path, error as Refusal);
  }
  try {
    const { code, map } = transformSync(text, { mode: "transform", sourceMap: true });
    const { mappings } = JSON.parse(map ?? '{"mappings":""}') as { mappings: string };
    return { code, map: new SourceMap(mappings) };
  } catch (error) {
    throw refused(path, error as Refusal);
  }
}

function refused(path: string, error: Refusal): LoadError {
  const { message = String(error), startLine = 1, startColumn = 0 } = error;
  return new LoadError(`${path}:${startLine}:${startColumn + 1}: ${message}`);
}
