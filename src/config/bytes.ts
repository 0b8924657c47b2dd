/**
 * uWSGI's dialect works on bytes: a `%` takes the one byte behind it, whatever it is. While a
 * configuration is put together its texts are therefore strings with one byte in each character;
 * they become text again at the end.
 *
 * @pure
 */

const CHUNK = 8192;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One character for each byte. */
export function bytesToString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** The UTF-8 bytes of a text, one in each character. */
export function encodeBytes(text: string): string {
  return isAscii(text) ? text : bytesToString(encoder.encode(text));
}

/** @returns undefined when the bytes are no UTF-8 */
export function decodeBytes(bytes: string): string | undefined {
  if (isAscii(bytes)) return bytes;
  try {
    return decoder.decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex -- the range of ASCII begins with control characters
  return /^[\x00-\x7f]*$/.test(text);
}
