/**
 * Values of tasks for people and for programs. On a terminal nothing may act: control characters and
 * those that turn the direction of text become visible, bytes that are no UTF-8 too. In JSON such
 * bytes are base64, in a field of another name.
 *
 * @pure
 */

import { safeText } from "./safe_text.ts";

/** Keeps a leading byte order mark, which is part of a value. */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that the bytes are; null when they are no UTF-8. */
export function asText(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** Like {@link safeText}; of bytes that are no UTF-8 all but plain ASCII shows as `\xff`. */
export function safeBytes(bytes: Uint8Array): string {
  const text = asText(bytes);
  if (text !== null) return safeText(text);
  return Array.from(bytes, (byte) => {
    return byte >= 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}

/** At most `length` characters, the last of them `…` when something is left out. */
export function cutText(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

/** `{ KEY: text }`, or `{ KEYBase64: … }` for bytes that are no UTF-8. */
export function jsonBytes(key: string, bytes: Uint8Array): Record<string, string> {
  const text = asText(bytes);
  if (text !== null) return { [key]: text };
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return { [`${key}Base64`]: btoa(binary) };
}
