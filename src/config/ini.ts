/**
 * The text of an ini file as uWSGI reads it: sections, whole-line comments, `key = value` split at
 * the first `=`, a bare key as a flag, repeated keys in order. No quotes, no escapes, no
 * continuation lines. Magic variables (`%d`) are filled in first, in the whole text.
 *
 * Texts have one byte in each character (bytes.ts).
 *
 * Source: uWSGI 2.0.21 core/ini.c, uwsgi_ini_config; core/utils.c, magic_sub.
 *
 * @pure
 */

/** One line of the section that was asked for. */
export interface IniLine {
  readonly key: string;
  /** Empty for a bare key. */
  readonly value: string;
  /** Starts at 1. */
  readonly line: number;
}

export interface IniText {
  readonly lines: readonly IniLine[];
  /** The names of all sections, in order. */
  readonly sections: readonly string[];
  readonly problems: readonly LineRemark[];
  readonly warnings: readonly LineRemark[];
}

export interface LineRemark {
  readonly line: number;
  readonly message: string;
}

/** What a `%` and one byte become; a byte that is not in here makes both disappear. */
export type MagicTable = Pick<ReadonlyMap<string, string>, "get">;

const LINE_MAX_BYTES = 1 << 20;

const BOM = "\xef\xbb\xbf";

/**
 * The lines of one section. A byte order mark is passed over; NUL bytes and lines of more than
 * LINE_MAX_BYTES are problems. (uWSGI takes a mark for a part of the first line, and ends a line at
 * a NUL.)
 */
export function readIni(text: string, section = "uwsgi", magic: MagicTable = new Map()): IniText {
  const lines: IniLine[] = [];
  const sections: string[] = [];
  const problems: LineRemark[] = [];
  const warnings: LineRemark[] = [];
  let current = "";

  for (const { raw, line } of physicalLines(text.startsWith(BOM) ? text.slice(3) : text)) {
    if (raw.length > LINE_MAX_BYTES) {
      const message = `a line may have ${LINE_MAX_BYTES} bytes: this one has ${raw.length}`;
      problems.push({ line, message });
      continue;
    }
    const unknown = new Set<string>();
    const content = strip(fillMagic(raw, magic, unknown));
    const first = content[0];
    if (first === undefined || first === ";" || first === "#") continue;
    if (content.includes("\0")) {
      problems.push({ line, message: "has a NUL byte: an ini is text" });
      continue;
    }
    if (first === "[") {
      current = content.slice(1, -1);
      sections.push(current);
      if (current === section) continue;
      if (!content.endsWith("]")) {
        const message = "a section's line ends with ]; with something behind it, " +
          "the section has another name";
        warnings.push({ line, message });
      }
      continue;
    }
    if (current !== section) continue;
    if (unknown.size > 0) {
      const message = `no magic variable, and so it disappears: ${[...unknown].join(", ")} ` +
        "(a percent sign is written %%)";
      warnings.push({ line, message });
    }
    const equals = content.indexOf("=");
    lines.push({
      key: strip(equals === -1 ? content : content.slice(0, equals)),
      value: equals === -1 ? "" : strip(content.slice(equals + 1)),
      line,
    });
  }
  return { lines, sections, problems, warnings };
}

/** The lines of a text with their numbers; a `%` at the end of a line takes the newline with it. */
function* physicalLines(text: string): Generator<{ raw: string; line: number }> {
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const startLine = line;
    const start = at;
    let end = text.indexOf("\n", at);
    while (end !== -1 && endsInMagic(text, start, end)) {
      line += 1;
      end = text.indexOf("\n", end + 1);
    }
    if (end === -1) end = text.length;
    yield { raw: text.slice(start, end), line: startLine };
    at = end + 1;
    line += 1;
  }
}

/** Whether the `%` before the end is the start of a pair, and not the second half of one. */
function endsInMagic(text: string, start: number, end: number): boolean {
  if (text[end - 1] !== "%") return false;
  let at = start;
  while (at < end) at += text[at] === "%" ? 2 : 1;
  return at > end;
}

function fillMagic(raw: string, magic: MagicTable, unknown: Set<string>): string {
  if (!raw.includes("%")) return raw;
  return raw.replace(/%([^]?)/g, (pair, name: string) => {
    if (name === "%" || name === "(") return name === "%" ? "%" : "%(";
    const value = magic.get(name);
    if (value === undefined) unknown.add(visible(pair));
    return value ?? "";
  });
}

function visible(pair: string): string {
  const name = pair[1] ?? "";
  return /[!-~]/.test(name) ? pair : "% and what is behind it";
}

/** uWSGI's white space: blank, tab, carriage return, and nothing else. */
function strip(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}
