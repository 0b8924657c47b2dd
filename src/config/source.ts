/**
 * What a name in `ini = …` or `@(…)` points at: a file, a section of one, a descriptor, a command.
 *
 * @pure
 */

import { bytesToString } from "./bytes.ts";
import { type ConfigHost, HostError } from "./host.ts";

export type Source =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "descriptor"; readonly number: number }
  | { readonly kind: "command"; readonly command: string };

const REFUSED: ReadonlyMap<string, string> = new Map([
  ["http", "a configuration is not read from the network"],
  ["https", "a configuration is not read from the network"],
  ["sym", "there are no symbols of a uWSGI binary here"],
  ["section", "there are no sections of a uWSGI binary here"],
  ["data", "there are no data slots of a uWSGI binary here"],
  ["call", "there are no functions of a uWSGI binary here"],
  ["callint", "there are no functions of a uWSGI binary here"],
  ["emperor", "there is no emperor here"],
]);

/** @throws {SyntaxError} for a scheme that is refused */
export function parseSource(name: string): Source {
  const [, scheme, rest = ""] = /^([a-z]+):\/\/([^]*)$/.exec(name) ?? [];
  if (scheme === undefined) return name === "-" ? { kind: "stdin" } : { kind: "file", path: name };
  if (scheme === "file") return { kind: "file", path: rest };
  if (scheme === "exec") return { kind: "command", command: rest };
  if (scheme === "fd") {
    if (!/^\d{1,9}$/.test(rest)) throw new SyntaxError("fd:// needs the number of a descriptor");
    return { kind: "descriptor", number: Number(rest) };
  }
  const why = REFUSED.get(scheme);
  if (why === undefined) return { kind: "file", path: name };
  throw new SyntaxError(`${scheme}:// is refused: ${why}`);
}

/** `file.ini:section` in its parts; behind a scheme, only the part after the last slash counts. */
export function splitSection(name: string): { name: string; section: string | undefined } {
  const from = /^[a-z]+:\/\//.test(name) ? name.lastIndexOf("/") : 0;
  const colon = name.lastIndexOf(":");
  if (colon < from) return { name, section: undefined };
  return { name: name.slice(0, colon), section: name.slice(colon + 1) };
}

/**
 * The bytes of a source, one in each character.
 *
 * @param absolute for a path that may be relative
 * @throws {HostError} when it cannot be had within the limits
 */
export async function readSource(
  source: Source,
  maxBytes: number,
  host: ConfigHost,
  absolute: (path: string) => string,
): Promise<string> {
  switch (source.kind) {
    case "file":
      if (source.path.includes("\0")) throw new HostError("the name has a NUL byte");
      return bytesToString(await host.read(absolute(source.path), maxBytes));
    case "stdin":
      return bytesToString(await host.read("-", maxBytes));
    case "descriptor":
      return bytesToString(await host.read(source.number, maxBytes));
    case "command":
      return bytesToString(await host.run(source.command, maxBytes));
    default:
      return source satisfies never;
  }
}
