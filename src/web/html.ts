/**
 * Text of a page. Whatever is put into a template is text of somebody and becomes text: only what another
 * template has made is taken as it is. @pure
 */

import { nameToShow } from "../platform/name.ts";

/** A piece of a page that is safe as it is. Only {@link markup} makes them. */
export class Html {
  constructor(readonly text: string) {}
}

export type Part = Html | string | number | null | undefined | false | readonly Part[];

export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? "";
  for (const [at, part] of parts.entries()) text += partText(part) + (strings[at + 1] ?? "");
  return new Html(text);
}

function partText(part: Part): string {
  if (part === null || part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(partText).join("");
  return escapeHtml(String(part));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** What would act on a reader instead of being read, but for tabs and line breaks. */
const ACTS =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** For an element and for an attribute in quotes. Control characters become visible. */
export function escapeHtml(text: string): string {
  return nameToShow(text).replace(/[&<>"'`]/g, (char) => ESCAPES[char] ?? "").replace(
    ACTS,
    (char) => {
      const code = char.charCodeAt(0);
      const hex = code.toString(16);
      return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
    },
  );
}

/** Several pieces with something between them. */
export function joined(parts: readonly Part[], between: Part): Part[] {
  return parts.flatMap((part, at) => at === 0 ? [part] : [between, part]);
}

/** A path of this site: each segment is one, whatever it holds. Null and "" are left out of the query. */
export function href(
  segments: readonly string[],
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const path = segments.map((each) => encodeURIComponent(nameToShow(each))).join("/");
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, nameToShow(value));
  const text = search.toString();
  return `/${path}${text === "" ? "" : `?${text}`}`;
}
