/** The assertions of @std/assert with their types, which the npm package does not carry. */

import * as std from "@std/assert";

export const assert: (condition: unknown, message?: string) => asserts condition = std.assert;
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertEquals;
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void =
  std.assertMatch;
export const assertStringIncludes: (actual: string, part: string, message?: string) => void =
  std.assertStringIncludes;
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;
export const assertThrows: <E extends Error>(
  action: () => unknown,
  type: ErrorClass<E>,
  part?: string,
) => E = std.assertThrows;
export const assertRejects: <E extends Error>(
  action: () => Promise<unknown>,
  type: ErrorClass<E>,
  part?: string,
) => Promise<E> = std.assertRejects;
