/**
 * The simple commands of a shell's command line, for who wants to know what they are about. It reads
 * what people write; what a shell would make of the rest, nobody relies on.
 *
 * @pure
 */

export interface ShellWord {
  /** Without its quotes. */
  readonly text: string;
  /** Whether the shell takes it as it is: nothing in it is replaced. */
  readonly isPlain: boolean;
}

/** Words without redirections. */
export interface SimpleCommand {
  /**
   * What stands before it: empty for the first, an operator such as `;` or `&&`, a newline, a brace
   * or parenthesis, or a keyword such as `then`.
   */
  readonly behind: string;
  /** The operator that ends it; empty for the last. */
  readonly ahead: string;
  readonly words: readonly ShellWord[];
}

/** Words that begin a list of words, not a command. */
const LISTS = new Set(["for", "case", "select"]);
const KEYWORDS = new Set(
  "! { } ( ) if then elif else fi do done while until esac in".split(" "),
);

/** A quoted string, an escaped character, or what ends a word or a command. */
const TOKEN =
  /'[^']*'|"(?:[^"\\]|\\.)*"|\\.|\$\(\([^()]*(?:\([^()]*\)[^()]*)*\)\)|\$\([^()]*\)|\$\{[^{}]*\}|`[^`]*`|\s+|&>>?|\d*[<>]+&?\d*|[;&|]+|[(){}](?=\s|$|;)|\(|./gs;

/** In a token outside of single quotes: something is put in its place, or it has a meaning. */
const REPLACED = /[$`"\\*?[\]{}~!#]/;

export function simpleCommands(text: string): SimpleCommand[] {
  const commands: (SimpleCommand & { behind: string; ahead: string; words: ShellWord[] })[] = [
    { behind: "", ahead: "", words: [] },
  ];
  let word = "";
  let isPlain = true;
  let isQuoted = false;
  let isTarget = false;
  let isList = false;
  const endWord = () => {
    const command = commands.at(-1);
    if (word !== "" && command !== undefined) {
      const isFirst = !isQuoted && command.words.length === 0;
      if (isTarget) isTarget = false;
      else if (isFirst && LISTS.has(word)) {
        isList = true;
        command.behind = word;
      } else if (isList) { /* is what a loop goes through */ }
      else if (isFirst && KEYWORDS.has(word)) command.behind = word;
      else command.words.push({ text: word, isPlain: isPlain || /^\[\[?$/.test(word) });
    }
    word = "";
    isPlain = true;
    isQuoted = false;
  };
  const endCommand = (operator: string) => {
    const command = commands.at(-1);
    if (command !== undefined) command.ahead = operator;
    commands.push({ behind: operator, ahead: "", words: [] });
    isList = false;
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (/^\s/.test(token)) {
      endWord();
      if (token.includes("\n")) endCommand("\n");
    } else if (/^(?:[;&|]+|[(){}])$/.test(token)) {
      endWord();
      endCommand(token);
    } else if (/^(?:&>|\d*[<>])/.test(token)) {
      endWord();
      isTarget = !/&\d+$/.test(token);
    } else {
      isQuoted ||= /^['"\\]/.test(token);
      const bare = /^['"]/.test(token) ? token.slice(1, -1) : token.replace(/^\\(.)$/s, "$1");
      isPlain &&= token.startsWith("'") || !REPLACED.test(token.startsWith('"') ? bare : token);
      word += bare;
    }
  }
  endWord();
  return commands.filter(({ words }) => words.length > 0);
}
