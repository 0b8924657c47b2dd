/**
 * What people would call a shell command: its script or program, past what stands around it.
 *
 *   cd /srv && ./manage.py clearsessions        manage.py
 *   export A=1; flock -n /tmp/l nice php a.php  a.php
 *   test -x /usr/bin/x && timeout 5m x --all    x
 *
 * @pure
 */

/** A simple command of a line: its words, without redirections and assignments. */
type Words = readonly string[];

/** They prepare, or ask; the work is done by another command. */
const PREPARES = new Set(
  (": . [ [[ alias cd command declare eval exec export false hash local mkdir pgrep pidof pushd read set " +
    "shift source test trap true ulimit umask unset type which").split(" "),
);
/** They may be all there is to a job, and most often are not. */
const MINOR = new Set(
  ["echo", "printf", "exit", "kill", "cat", "rm", "touch", "date", "logger"],
);
/** Even less. */
const PAUSES = new Set(["sleep", "wait"]);
/** Words that begin a list of words, not a command. */
const LISTS = new Set(["for", "case", "select"]);
const KEYWORDS = new Set(
  "! { } ( ) if then elif else fi do done while until esac in".split(" "),
);

/** Commands that run another one: words of their own before it, and options that take a word. */
const WRAPPERS: Readonly<Record<string, readonly [words: number, options: string]>> = {
  bundle: [1, ""],
  chronic: [0, ""],
  chpst: [0, "-u -U -b -e -n -l -L -m -d -o -p -f -c"],
  chrt: [1, "-T -P -D"],
  command: [0, ""],
  cronic: [0, ""],
  doas: [0, "-u -C"],
  env: [0, "-u -C -S"],
  exec: [0, "-a"],
  flock: [1, "-w -E --timeout --wait"],
  gosu: [1, ""],
  ionice: [0, "-c -n -p --class --classdata"],
  nice: [0, "-n --adjustment"],
  nohup: [0, ""],
  npx: [0, "-p"],
  pipenv: [1, ""],
  pkexec: [0, "--user"],
  poetry: [1, "-C"],
  rbenv: [1, ""],
  runuser: [1, "-g -G -s -w --group --supp-group --shell"],
  setpriv: [0, "--reuid --regid"],
  setsid: [0, ""],
  setuidgid: [1, ""],
  sg: [1, ""],
  stdbuf: [0, "-i -o -e"],
  su: [1, "-g -G -s -w --group --supp-group --shell"],
  "su-exec": [1, ""],
  sudo: [0, "-u -g -C -h -p -D -U -R -T -r -t --user --group --chdir --host --prompt"],
  "systemd-inhibit": [0, ""],
  taskset: [1, ""],
  time: [0, "-f -o"],
  timeout: [1, "-k -s --kill-after --signal"],
  unshare: [0, ""],
  uv: [1, ""],
};

/** Programs that run a script: what is of interest is the script. */
const INTERPRETER =
  /^(?:python[\d.]*|pypy3?|php[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|bun|deno|bash|sh|dash|zsh|ksh|java|Rscript|lua[\d.]*|tclsh)$/;
const SHELLS = new Set(["sh", "bash", "dash", "zsh", "ksh"]);
/** They take a shell's command line behind `-c`. */
const TAKE_CODE = new Set(["su", "runuser", "sg", "flock"]);
const CODE_OPTION = /^(?:-[a-zA-Z]*c|--(?:session-)?command)$/;
const CODE_GIVEN = /^--(?:session-)?command=(.*)$/s;

export interface CommandName {
  /** Letters, digits and `. _ + -`. */
  readonly name: string;
  /** What follows it in the command, in the same letters, which distinguishes commands of one name. */
  readonly args: readonly string[];
}

export function commandName(command: string): CommandName {
  const commands = simpleCommands(command);
  const named = commands.map(nameOf).filter((found) => found !== null);
  const work = named.find(({ weight }) => weight === "work") ??
    named.find(({ weight }) => weight === "minor") ??
    named.find(({ weight }) => weight === "pause") ?? named[0];
  if (work === undefined) return { name: "command", args: [] };
  return { name: work.name, args: work.args };
}

/**
 * Names for several commands at once: those that share a name get the first of their arguments in which
 * they differ. What is still the same comes out the same.
 */
export function distinctNames(commands: readonly CommandName[]): string[] {
  const names = commands.map(({ name }) => name);
  for (const name of new Set(names)) {
    const members = names.flatMap((each, index) => each === name ? [index] : []);
    if (members.length < 2) continue;
    const argsOf = (index: number) => commands[index]?.args ?? [];
    const longest = Math.max(...members.map((index) => argsOf(index).length));
    for (let at = 0; at < longest; at++) {
      const values = new Set(members.map((index) => argsOf(index)[at]));
      if (values.size < 2) continue;
      for (const index of members) {
        const arg = argsOf(index)[at];
        if (arg !== undefined) names[index] = `${name}-${arg}`;
      }
      // Those that still share a name may differ in a later argument.
      const rest = members.map((index) => ({
        name: names[index] ?? name,
        args: argsOf(index).slice(at + 1),
      }));
      if (values.size < members.length) {
        const again = distinctNames(rest);
        members.forEach((index, place) => names[index] = again[place] ?? name);
      }
      break;
    }
  }
  return names;
}

interface FoundCommand extends CommandName {
  /** Whether it may be what the line is about. */
  readonly weight: "work" | "minor" | "pause" | "prepares";
}

function weightOf(first: string): FoundCommand["weight"] {
  return PREPARES.has(first)
    ? "prepares"
    : PAUSES.has(first)
    ? "pause"
    : MINOR.has(first)
    ? "minor"
    : "work";
}

function nameOf(words: Words): FoundCommand | null {
  const rest = unwrapped(words);
  const [word = "", ...args] = rest;
  const first = fileOf(word);
  // A pattern of `case` is no program.
  if (/^[\d*?]*$/.test(first)) return null;
  if (!INTERPRETER.test(first)) return found(first, first, args);
  const script = scriptOf(first, args);
  // Code on the line itself says little about it, next to a program.
  if (script === null) return { ...found(first, first, args), weight: "minor" };
  if (SHELLS.has(first) && script.isCode) return { ...commandName(script.word), weight: "work" };
  return found(first, fileOf(script.word), script.args);
}

function found(first: string, name: string, args: Words): FoundCommand {
  return {
    weight: weightOf(first),
    name: plain(name) || plain(first) || "command",
    args: args.map((arg) => plain(arg.replace(/^-+/, ""))).filter((arg) => arg !== ""),
  };
}

/**
 * Without assignments, wrappers, and the wrappers' own words. Of a wrapper that takes a shell's command
 * line, the shell that runs it is left.
 */
function unwrapped(words: Words): Words {
  let rest = words;
  while (true) {
    const begin = rest.findIndex((word) => !/^\w+\+?=/.test(word));
    if (begin === -1) return [];
    rest = rest.slice(begin);
    const file = fileOf(rest[0] ?? "");
    const wrapper = Object.hasOwn(WRAPPERS, file) ? WRAPPERS[file] : undefined;
    if (wrapper === undefined || rest.length < 2) return rest;
    // runuser has two forms: with -u a command follows, without it a user.
    const namesUser = file === "runuser" && rest.some((word) => /^(?:-u|--user\b)/.test(word));
    const [own, options] = namesUser ? [0, `${wrapper[1]} -u --user`] : wrapper;
    const code = TAKE_CODE.has(file) && !namesUser ? codeIn(rest.slice(1)) : null;
    if (code !== null) return ["sh", "-c", code];
    let at = 1;
    for (let left = own; at < rest.length; at++) {
      const word = rest[at] ?? "";
      if (word === "--") continue;
      if (word.startsWith("-")) {
        if (takesWord(word, options.split(" "))) at++;
      } else if (!/^\w+=/.test(word) && left-- <= 0) break;
    }
    if (at >= rest.length) return rest;
    rest = rest.slice(at);
  }
}

/** `-u`, and `-iu`: letters in one word, of which the last takes the next word. */
function takesWord(option: string, taking: readonly string[]): boolean {
  return taking.includes(option) ||
    (/^-[a-zA-Z]{2,}$/.test(option) && taking.includes(`-${option.at(-1)}`) &&
      !taking.includes(option.slice(0, 2)));
}

/** The command line behind `-c`, as far as this is not an option of a command that has begun. */
function codeIn(args: Words): string | null {
  let plainWords = 0;
  for (const [at, word] of args.entries()) {
    const given = CODE_GIVEN.exec(word)?.[1];
    if (given !== undefined) return given;
    if (CODE_OPTION.test(word)) return args[at + 1] ?? null;
    // The user or the file to lock, and a shell or a time behind an option.
    const isOfOption = args[at - 1]?.startsWith("-") && args[at - 1] !== "-";
    if (!word.startsWith("-") && !isOfOption && ++plainWords > 1) return null;
  }
  return null;
}

/** The script that an interpreter runs; null when it has none. */
function scriptOf(
  interpreter: string,
  args: Words,
): { word: string; args: Words; isCode: boolean } | null {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const next = args[at + 1];
    const rest = args.slice(at + 2);
    if (/^-\w*c$/.test(word) && SHELLS.has(interpreter)) {
      return next === undefined ? null : { word: next, args: rest, isCode: true };
    }
    if (["-m", "-f", "-jar"].includes(word)) {
      return next === undefined ? null : { word: next, args: rest, isCode: false };
    }
    if (["-c", "-e", "-r", "-E"].includes(word)) return null;
    if (["-W", "-X", "-d", "-I", "-cp", "-classpath"].includes(word)) at++;
    else if (["run", "task"].includes(word) && /^(?:deno|bun)$/.test(interpreter)) continue;
    else if (!word.startsWith("-")) return { word, args: args.slice(at + 1), isCode: false };
  }
  return null;
}

function fileOf(word: string): string {
  return word.split("/").at(-1) ?? "";
}

const LONGEST_WORD = 40;

function plain(word: string): string {
  return word.split("/").filter((part) => part !== "").at(-1)?.replaceAll(/[^\w.+-]+/g, "")
    .slice(0, LONGEST_WORD) ?? "";
}

/** A quoted string, an escaped character, or what ends a word or a command. */
const TOKEN =
  /'[^']*'|"(?:[^"\\]|\\.)*"|\\.|\$\(\([^()]*(?:\([^()]*\)[^()]*)*\)\)|\$\([^()]*\)|\$\{[^{}]*\}|`[^`]*`|\s+|&>>?|\d*[<>]+&?\d*|[;&|]+|[(){}](?=\s|$|;)|\(|./gs;

function simpleCommands(text: string): Words[] {
  const commands: string[][] = [[]];
  let word = "";
  let isQuoted = false;
  let isTarget = false;
  let isList = false;
  const endWord = () => {
    const words = commands.at(-1);
    if (word !== "" && words !== undefined) {
      if (isTarget) isTarget = false;
      else if (!isQuoted && words.length === 0 && LISTS.has(word)) isList = true;
      else if (isList) { /* is what a loop goes through */ }
      else if (!isQuoted && words.length === 0 && KEYWORDS.has(word)) { /* begins a command */ }
      else words.push(word);
    }
    word = "";
    isQuoted = false;
  };
  const endCommand = () => {
    commands.push([]);
    isList = false;
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (/^\s/.test(token)) {
      endWord();
      if (token.includes("\n")) endCommand();
    } else if (/^(?:[;&|]+|[(){}])$/.test(token)) {
      endWord();
      endCommand();
    } else if (/^(?:&>|\d*[<>])/.test(token)) {
      endWord();
      isTarget = !/&\d+$/.test(token);
    } else {
      isQuoted ||= /^['"\\]/.test(token);
      word += /^['"]/.test(token) ? token.slice(1, -1) : token.replace(/^\\(.)$/s, "$1");
    }
  }
  endWord();
  return commands.filter((words) => words.length > 0);
}
