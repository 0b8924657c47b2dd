/** The vars of a packet as an object of texts, read as fast as they can be. Pure. */

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Longer texts are for the decoder, which is faster with them. */
const SHORT = 128;

/**
 * The names and values between two places of `bytes`; of a name that comes twice the last value
 * counts, as in uWSGI. Bytes that are no UTF-8 become U+FFFD. Null when the lengths do not add up
 * (`decodeVars` of `src/wire/packet.ts` can say why).
 */
export function readVars(
  bytes: Uint8Array,
  start: number,
  end: number,
): Record<string, string> | null {
  // Without a prototype: a task may have a var called `__proto__` or `constructor`.
  const vars = Object.create(null) as Record<string, string>;
  let at = start;
  while (at < end) {
    const nameStart = at + 2;
    const nameEnd = nameStart + lengthAt(bytes, at);
    const valueStart = nameEnd + 2;
    if (nameEnd === nameStart || valueStart > end) return null;
    const valueEnd = valueStart + lengthAt(bytes, nameEnd);
    if (valueEnd > end) return null;
    vars[text(bytes, nameStart, nameEnd)] = text(bytes, valueStart, valueEnd);
    at = valueEnd;
  }
  return vars;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

function text(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT) return decoder.decode(bytes.subarray(start, end));
  let result = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
    result += String.fromCharCode(byte);
  }
  return result;
}
