/** Texts of which each character is one printable letter of ASCII. @pure */

/** Most texts of a long listing are; for so short ones this takes half the time of an expression. */
export function isPlainText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < FIRST || code > LAST) return false;
  }
  return true;
}

const FIRST = 0x20;
const LAST = 0x7e;
