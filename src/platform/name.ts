/**
 * Names of files as text. A file's name is bytes; most are UTF-8. Of those that are not, each byte that
 * fits nowhere becomes a lone surrogate, U+DC80 to U+DCFF, which no UTF-8 can hold: so the text of a
 * name says exactly which bytes it has (as Python's surrogateescape, PEP 383).
 *
 * @pure
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Decodes faster, and what is no UTF-8 to U+FFFD. */
const lax = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const ESCAPE = 0xdc00;
/** With the flag u this is no half of a pair. */
const LONELY = /[\ud800-\udfff]/gu;

export function nameFromBytes(bytes: Uint8Array): string {
  const text = lax.decode(bytes);
  if (!text.includes("\ufffd")) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

/** Characters where there are some, escapes for the bytes between them. */
function escaped(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    text += character?.text ?? String.fromCharCode(ESCAPE + (bytes[at] as number));
    at += character?.length ?? 1;
  }
  return text;
}

function characterAt(bytes: Uint8Array, at: number): { text: string; length: number } | null {
  for (let length = 1; length <= Math.min(4, bytes.length - at); length++) {
    try {
      return { text: strict.decode(bytes.subarray(at, at + length)), length };
    } catch {
      // Perhaps with one byte more.
    }
  }
  return null;
}

/** Writes the bytes of a name, or of a path, into `into`; returns how many they are. */
export function nameToBytes(name: string, into: Uint8Array<ArrayBuffer>): number {
  if (name.isWellFormed()) return encoder.encodeInto(name, into).written;
  let written = 0;
  for (const part of name.split(/([\udc80-\udcff])/u)) {
    const byte = part.length === 1 ? part.charCodeAt(0) - ESCAPE : -1;
    if (byte >= 0x80 && byte <= 0xff) into[written++] = byte;
    else written += encoder.encodeInto(part, into.subarray(written)).written;
  }
  return written;
}

/** For people, and for the names of files that go by another's: bytes that are no text as `\xff`. */
export function nameToShow(name: string): string {
  if (name.isWellFormed()) return name;
  return name.replaceAll(LONELY, (char) => {
    const byte = char.charCodeAt(0) - ESCAPE;
    return byte >= 0x80 && byte <= 0xff ? `\\x${byte.toString(16)}` : "\ufffd";
  });
}

/** The name that {@link nameToShow} shows so. A name that has such text of its own is another. */
export function nameFromShown(text: string): string {
  return text.replaceAll(
    /\\x([89a-f][0-9a-f])/g,
    (_, hex) => String.fromCharCode(ESCAPE + parseInt(hex, 16)),
  );
}
