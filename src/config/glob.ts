/**
 * glob(3) as `for-glob` uses it: `*`, `?` and `[…]` within each part of a path, a leading dot only
 * where it is written, sorted by bytes, `/` behind directories, the pattern itself when nothing
 * matches (GLOB_MARK | GLOB_NOCHECK).
 *
 * @pure
 */

export interface GlobHost {
  /** The names in a directory; empty when it cannot be listed. */
  list(dir: string): readonly string[];
  /** What a path is, behind symbolic links. */
  kindOf(path: string): "file" | "dir" | "other" | undefined;
}

/** More matches than this are an error of the pattern, not a set of files. */
export const GLOB_MAX_MATCHES = 10_000;

/**
 * @param absolute a path of the file system for one that may be relative
 * @throws {RangeError} over GLOB_MAX_MATCHES
 */
export function glob(pattern: string, host: GlobHost, absolute: (path: string) => string) {
  const [root, rest] = pattern.startsWith("/") ? ["/", pattern.replace(/^\/+/, "")] : ["", pattern];
  let found = [root];
  for (const part of rest.split(/\/+/)) {
    if (part === "") continue;
    found = found.flatMap((dir) => {
      const beside = (name: string) =>
        dir === "" || dir.endsWith("/") ? dir + name : `${dir}/${name}`;
      if (!/[*?[\\]/.test(part)) {
        const path = beside(part);
        return host.kindOf(absolute(path)) === undefined ? [] : [path];
      }
      const matcher = toRegExp(part);
      return host.list(absolute(dir === "" ? "." : dir)).filter((name) => matcher.test(name))
        .sort(byBytes).map(beside);
    });
    if (found.length > GLOB_MAX_MATCHES) {
      throw new RangeError(`matches more than ${GLOB_MAX_MATCHES} files`);
    }
  }
  const marked = found.filter((path) => path !== "").map((path) =>
    path.endsWith("/") || host.kindOf(absolute(path)) !== "dir" ? path : `${path}/`
  );
  return marked.length > 0 ? marked : [pattern];
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Each `*` becomes a lazy run that cannot be tried again for long: names have 255 bytes. */
function toRegExp(part: string): RegExp {
  let source = part.startsWith(".") ? "" : "(?!\\.)";
  for (let at = 0; at < part.length; at++) {
    const char = part[at] ?? "";
    const set = char === "[" ? /^\[([!^]?)(\]?[^\]]*)\]/.exec(part.slice(at)) : null;
    if (char === "*") {
      if (!source.endsWith("[^]*")) source += "[^]*";
    } else if (char === "?") source += "[^]";
    else if (set) {
      const members = (set[2] ?? "").replace(/[\\\]^[]/g, "\\$&");
      source += `[${set[1] === "" ? "" : "^"}${members}]`;
      at += set[0].length - 1;
    } else {
      const literal = char === "\\" && at + 1 < part.length ? part[++at] ?? "" : char;
      source += literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    }
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    return /^(?!)/;
  }
}
