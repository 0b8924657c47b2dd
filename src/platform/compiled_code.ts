/**
 * Whether V8 has taken the compiled code that is in the executable (docs/decisions.md). It refuses that of another V8
 * or for other flags, and compiles the text, which makes each start slower and says nothing.
 */

/** Numbers of pieces of the program that were loaded until now. */
export interface CompiledCode {
  readonly accepted: number;
  readonly refused: number;
}

/** Of this process; null from source, which has none. `.ci/load_pieces.js` counts. */
export function compiledCode(): CompiledCode | null {
  const counts: unknown = Reflect.get(globalThis, Symbol.for("spooler.compiledCode"));
  return (counts as CompiledCode | undefined) ?? null;
}
