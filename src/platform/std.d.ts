/**
 * The types of what is used of @std/path, @std/cli and @std/assert: npm's deno-std carries none. With the
 * imports of deno.json switched to JSR, this file and its line in `compilerOptions` can go.
 */

declare module "@std/path" {
  export function basename(path: string, suffix?: string): string;
  export function dirname(path: string): string;
  export function extname(path: string): string;
  export function isAbsolute(path: string): boolean;
  export function join(...paths: string[]): string;
  export function normalize(path: string): string;
  export function relative(from: string, to: string): string;
  export function resolve(...paths: string[]): string;
}

declare module "@std/cli" {
  export interface ParseOptions {
    readonly string?: readonly string[];
    readonly boolean?: readonly string[];
    /** Asked for each argument that is neither; false leaves it out. */
    readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }
  export function parseArgs(
    args: string[],
    options?: ParseOptions,
  ): { readonly _: readonly (string | number)[]; readonly [name: string]: unknown };
  /** Columns of a terminal. */
  export function unicodeWidth(text: string): number;
}

declare module "deno-std/parse-args" {
  export { parseArgs } from "@std/cli";
}

declare module "@std/assert" {
  // deno-lint-ignore no-explicit-any
  type ErrorClass<E extends Error> = new (...args: any[]) => E;
  export function assert(condition: unknown, message?: string): asserts condition;
  export function assertEquals<T>(actual: T, expected: T, message?: string): void;
  export function assertMatch(actual: string, expected: RegExp, message?: string): void;
  export function assertStringIncludes(actual: string, part: string, message?: string): void;
  export function assertThrows<E extends Error>(
    action: () => unknown,
    type: ErrorClass<E>,
    part?: string,
  ): E;
  export function assertRejects<E extends Error>(
    action: () => Promise<unknown>,
    type: ErrorClass<E>,
    part?: string,
  ): Promise<E>;
}
