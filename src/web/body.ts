/** The body of a task as text, as JSON, or byte by byte. @pure */

import { asText } from "../report/shown_bytes.ts";
import { type Html, markup } from "./html.ts";

export const BODY_FORMS = ["text", "json", "hex"] as const;
export type BodyForm = typeof BODY_FORMS[number];

/** Of longer bodies only the beginning is shown. */
export const MOST_SHOWN: Readonly<Record<BodyForm, number>> = {
  text: 64 * 1024,
  json: 64 * 1024,
  hex: 8 * 1024,
};

export interface ShownBody {
  readonly form: BodyForm;
  readonly html: Html;
  /** Bytes that are not shown. */
  readonly left: number;
}

/** Without a wish in the form that suits it. */
export function shownBody(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  wish: BodyForm | null,
  mask: (text: string) => string,
): ShownBody {
  const text = asText(cutAtCharacter(bytes, size));
  const json = text === null || bytes.length < size ? null : prettyJson(text);
  const form = wish ?? (json !== null ? "json" : text !== null && !isBinary(text) ? "text" : "hex");
  const left = Math.max(0, size - Math.min(bytes.length, MOST_SHOWN[form]));
  const pre = (shown: string) => markup`<pre class="body" tabindex="0">${mask(shown)}</pre>`;
  switch (form) {
    case "json":
      return json !== null ? { form, html: pre(json), left } : {
        form,
        html: markup`<p class="empty">This is no JSON that could be shown.</p>`,
        left: 0,
      };
    case "text":
      return { form, html: pre(text ?? new TextDecoder().decode(bytes)), left };
    case "hex":
      return { form, html: pre(hexDump(bytes.subarray(0, MOST_SHOWN.hex))), left };
    default:
      return form satisfies never;
  }
}

/** What was cut in the middle of a character would be no text. */
function cutAtCharacter(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (bytes.length >= size) return bytes;
  for (let back = 1; back <= 4; back++) {
    const byte = bytes.at(-back) ?? 0;
    if ((byte & 0xc0) !== 0x80) return byte >= 0x80 ? bytes.subarray(0, -back) : bytes;
  }
  return bytes;
}

function prettyJson(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

function isBinary(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /[\x00-\x08\x0e-\x1a]/.test(text);
}

/** `00000010  7b 22 61 …  |{"a…|`, as hexdump has it. */
function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${text.join("")}`);
  }
  return lines.join("\n");
}
