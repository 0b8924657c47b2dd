/**
 * Words and commands of a crontab for shells, written so that an ini leaves them alone: it fills in
 * `@(FILE)`, `%(OPTION)` and `$(VARIABLE)`.
 *
 * @pure
 */

import { shellWord } from "../platform/shell_word.ts";
import { hasStrayBytes } from "./crontab_bytes.ts";

/** Whether an ini might fill something in, or takes it for no text. */
export function isFilledIn(text: string): boolean {
  return /[@%]\(|\$\([A-Za-z_]\w*\)/.test(text) || hasStrayBytes(text);
}

/** A text as one word, and as it is. */
export function literalWord(text: string): string {
  return isFilledIn(text) ? bareWord(text) : shellWord(text);
}

/** The same without quotes and without what an ini fills in. */
export function bareWord(text: string): string {
  return [...text].map((char) => {
    if (char === "'" || hasStrayBytes(char)) {
      return `$(printf \\\\${(char.charCodeAt(0) & 0xff).toString(8).padStart(3, "0")})`;
    }
    return /^[\w@%+=:,./-]$/.test(char) || char > "\x7f" ? char : `\\${char}`;
  }).join("");
}

export interface ShellCall {
  readonly command: string;
  /** The shell that the crontab asks for. */
  readonly shell: string;
  /** The shell that reads the line of the ini. */
  readonly usual: string;
  /** Something is piped into it. */
  readonly isFed?: boolean;
}

/** What the shell of the ini is to run: the command itself, where that means the same. */
export function shellCall({ command, shell, usual, isFed = false }: ShellCall): string {
  const text = command.trim() === "" ? ":" : command;
  // Between single quotes, and behind a backslash, the blank would be one of the text.
  const plain = /'|\\\$\(/.test(text) ? text : text.replaceAll(/\$\(([A-Za-z_]\w*)\)/g, "$($1 )");
  const called = `${literalWord(shell)} -c ${literalWord(text)}`;
  if (shell !== usual || isFilledIn(plain)) return called;
  // A comment, or what a backslash or a here-document does to the end of the line, hides a parenthesis.
  if (isFed) return /[#\\]|<</.test(plain) ? called : `(${plain})`;
  // The ini takes the last blank away.
  return plain.endsWith(" ") ? `${plain} #` : plain;
}
