/**
 * The bytes of a crontab as text. A crontab may be in any encoding: of a line that is no UTF-8 each
 * byte above 0x7f becomes a lone surrogate, U+DC00 and the byte, and the same byte again at the end.
 *
 * @pure
 */

const STRAY = 0xdc00;
const NEWLINE = 0x0a;

/** Whether a text has bytes that are no UTF-8. */
export function hasStrayBytes(text: string): boolean {
  return /[\udc80-\udcff]/.test(text) && !text.isWellFormed();
}

export function decodeCrontab(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const lines: string[] = [];
  for (let at = 0; at <= bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline === -1 ? bytes.length : newline;
    lines.push(decodeLine(bytes.subarray(at, end), decoder));
    at = end + 1;
  }
  return lines.join("\n");
}

function decodeLine(line: Uint8Array, decoder: TextDecoder): string {
  try {
    return decoder.decode(line);
  } catch {
    const codes = Array.from(line, (byte) => byte < 0x80 ? byte : STRAY + byte);
    return codes.map((code) => String.fromCharCode(code)).join("");
  }
}

export function encodeCrontab(lines: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  const encoded = lines.map((line) =>
    hasStrayBytes(line)
      ? Uint8Array.from(line, (char) => char.charCodeAt(0) & 0xff)
      : encoder.encode(line)
  );
  const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length + 1, 0));
  let at = 0;
  for (const line of encoded) {
    bytes.set(line, at);
    at += line.length;
    bytes[at++] = NEWLINE;
  }
  return bytes;
}
