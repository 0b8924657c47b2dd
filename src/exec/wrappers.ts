/**
 * Commands that run another one, such as `nice` and `flock`, and programs that run a script: what is
 * behind them.
 *
 * @pure
 */

/** Of a simple command, without redirections. */
export type Words = readonly string[];

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

/** They take a shell's command line behind `-c`. */
const TAKE_CODE = new Set(["su", "runuser", "sg", "flock"]);
const CODE_OPTION = /^(?:-[a-zA-Z]*c|--(?:session-)?command)$/;
const CODE_GIVEN = /^--(?:session-)?command=(.*)$/s;

/** Programs that run a script: what is of interest is the script. */
const INTERPRETER =
  /^(?:python[\d.]*|pypy3?|php[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|bun|deno|bash|sh|dash|zsh|ksh|java|Rscript|lua[\d.]*|tclsh)$/;
const SHELLS = new Set(["sh", "bash", "dash", "zsh", "ksh"]);

export function isInterpreter(file: string): boolean {
  return INTERPRETER.test(file);
}

export function isShell(file: string): boolean {
  return SHELLS.has(file);
}

/**
 * Without assignments, wrappers, and the wrappers' own words. Of a wrapper that takes a shell's command
 * line, the shell that runs it is left.
 */
export function unwrapped(words: Words): Words {
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
export function scriptOf(
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

/** The last part of a path. */
export function fileOf(word: string): string {
  return word.split("/").at(-1) ?? "";
}
