/**
 * Puts a configuration together in uWSGI's order: the environment, the command line, and every
 * file they name; then `$(…)`, `@(…)` and `%(…)` in all values; then what is inherited.
 *
 * Options that read files, set placeholders or make blocks act at once, with their values as they
 * stand, because at that time nothing has been filled in but magic variables.
 *
 * Source: uWSGI 2.0.21 core/uwsgi.c, uwsgi_setup; core/config.c, add_exported_option and
 * uwsgi_configure.
 */

import { dirname, resolve } from "node:path";
import { type Argument, environmentOptions, parseCommandLine } from "./argv.ts";
import { decodeBytes, encodeBytes } from "./bytes.ts";
import { conditionOf, type Facts, forLines, forTimes, forWords, judge } from "./condition.ts";
import type { Entry } from "./entry.ts";
import { glob } from "./glob.ts";
import { type ConfigHost, HostError } from "./host.ts";
import { readIni } from "./ini.ts";
import { Magic } from "./magic.ts";
import { findForeign, findOption } from "./options.ts";
import { type Place, placeText, type Problem } from "./problem.ts";
import { findReference, resolvePlaceholder, type Symbol } from "./reference.ts";
import { parseSource, readSource, type Source, splitSection } from "./source.ts";
import { VERSION } from "../version.ts";

export const LIMITS = {
  /** Of one ini file. */
  iniBytes: 32 << 20,
  /** Of what one `@(…)` gives. */
  valueBytes: 1 << 20,
  options: 200_000,
  /** Of all values together, and of all files together. */
  totalBytes: 96 << 20,
  /** Files that include each other. */
  depth: 64,
  files: 2_000,
  /** Characters looked at while placeholders are filled in. */
  work: 100_000_000,
  problems: 100,
} as const;

export interface Assembled {
  /** Every option in order, expanded, with everything that shaped the configuration still in it. */
  readonly entries: readonly Entry[];
  /** The file everything began with, as it was named; undefined when there was none. */
  readonly file: string | undefined;
  /** Absolute: where relative paths in files start. */
  readonly baseDir: string;
  /** The keys that placeholders and conditions have asked for. */
  readonly used: ReadonlySet<string>;
  /** What `print` and `iprint` say, in order. */
  readonly printed: readonly string[];
  /** Texts that came from files named as keys or secrets. */
  readonly secrets: readonly string[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** A file that is being read, and the one that asked for it. */
interface Frame {
  readonly id: string;
  readonly depth: number;
  readonly parent: Frame | null;
}

/** Where an option comes from. */
interface Origin {
  readonly place: Place;
  readonly frame: Frame | null;
  /** Where relative paths start; absent: at the ini's directory. */
  readonly base?: string;
}

interface Option {
  readonly key: string;
  /** Null for a flag of the command line. */
  value: string | null;
  /** It has acted already, or has nothing to act on: it is not expanded. */
  done: boolean;
  readonly placeholder: boolean;
  readonly origin: Origin;
}

type Block =
  & { readonly place: Place; readonly key: string }
  & (
    | { readonly kind: "for"; readonly words: readonly string[] }
    | {
      readonly kind: "if";
      readonly about: string;
      readonly negated: boolean;
      readonly argument: string;
      /** Whether the last line of the block was left out; undefined before the first. */
      failed: boolean | undefined;
    }
    | { readonly kind: "else"; readonly taken: boolean }
  );

/** There is no sense in going on; what was wrong is among the problems. */
class Stop extends Error {}

export async function assemble(args: readonly string[], host: ConfigHost): Promise<Assembled> {
  const assembly = new Assembly(host);
  await assembly.run(args);
  return assembly.result();
}

class Assembly {
  readonly #host: ConfigHost;
  readonly #magic: Magic;
  readonly #options: Option[] = [];
  readonly #first = new Map<string, Option>();
  readonly #used = new Set<string>();
  readonly #printed: string[] = [];
  readonly #secrets: string[] = [];
  readonly #problems: Problem[] = [];
  readonly #warnings: Problem[] = [];
  readonly #plugins = new Set<string>();
  readonly #environment: Map<string, string>;
  readonly #asked: { key: string; origin: Origin; at: number; held: boolean }[] = [];
  #block: Block | null = null;
  #inBlock = false;
  #forbidden: ReadonlySet<string> | null = null;
  #allowed: ReadonlySet<string> | null = null;
  #file: string | undefined;
  #baseDir: string | undefined;
  #last: { source: Source; text: string; name: string } | null = null;
  #files = 0;
  #bytes = 0;
  #work = 0;

  constructor(host: ConfigHost) {
    this.#host = host;
    this.#magic = new Magic(host, VERSION);
    this.#environment = new Map(host.environment);
  }

  async run(args: readonly string[]): Promise<void> {
    try {
      const line = parseCommandLine(args);
      const here = (file: string): Origin => ({
        place: { file, line: 0 },
        frame: null,
        base: this.#host.cwd,
      });
      for (const message of line.problems) this.#problem(here("command line"), message);
      await this.#addArguments(environmentOptions(this.#environment), here("environment"));
      await this.#addArguments(line.options, here("command line"));
      for (const file of line.files) await this.#load(encodeBytes(file), here("command line"));
      this.#closeBlock();
      this.#expand("$");
      await this.#expandFiles();
      this.#expand("%");
      await this.#configure();
      this.#judgeQuestions();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
  }

  result(): Assembled {
    return {
      entries: this.#options.map((option) => this.#entryOf(option)),
      file: this.#file,
      baseDir: this.#baseDir ?? this.#host.cwd,
      used: this.#used,
      printed: this.#printed,
      secrets: this.#secrets,
      problems: this.#problems,
      warnings: this.#warnings,
    };
  }

  async #addArguments(options: readonly Argument[], origin: Origin): Promise<void> {
    for (const { key, value } of options) {
      await this.#add(encodeBytes(key), value === null ? null : encodeBytes(value), origin);
    }
  }

  /** One option: into its block, or onto the list, where it may act at once. */
  async #add(key: string, value: string | null, origin: Origin): Promise<void> {
    if (this.#isForbidden(key)) {
      return this.#problem(origin, `${key} is forbidden here by blacklist or whitelist`);
    }
    if (!this.#inBlock) {
      if (isEnd(key)) this.#block = null;
      else if (key === "else") return this.#openElse(origin);
      else if (this.#block !== null) return await this.#addToBlock(this.#block, key, value, origin);
    }
    await this.#append(key, value, origin, false);
  }

  async #addToBlock(block: Block, key: string, value: string | null, origin: Origin) {
    const add = async (subject: string | undefined) => {
      this.#inBlock = true;
      const filled = subject === undefined || value === null
        ? value
        : value.replaceAll("%(_)", () => subject);
      await this.#append(key, filled, origin, false);
      this.#inBlock = false;
    };
    switch (block.kind) {
      case "for":
        for (const word of block.words) await add(word);
        return;
      case "if": {
        const verdict = this.#judge(block, origin);
        block.failed = !verdict.holds;
        if (verdict.holds) await add(verdict.subject);
        return;
      }
      case "else":
        if (block.taken) await add(undefined);
        return;
      default:
        return block satisfies never;
    }
  }

  async #append(key: string, value: string | null, origin: Origin, placeholder: boolean) {
    if (this.#options.length >= LIMITS.options) {
      this.#stop(origin, `a configuration may have ${LIMITS.options} options: this one has more`);
    }
    this.#grow(key.length + (value?.length ?? 0), origin);
    const foreign = findForeign(key);
    const option = { key, value, done: placeholder, placeholder, origin };
    this.#options.push(option);
    if (!this.#first.has(key)) this.#first.set(key, option);
    if (placeholder) return;
    if (foreign?.immediate) option.done = true;
    const name = findOption(key)?.name;
    if (name !== undefined && await this.#act(name, key, value ?? "", origin)) option.done = true;
  }

  /** @returns whether the option was one of those that act at once */
  async #act(name: string, key: string, value: string, origin: Origin): Promise<boolean> {
    switch (name) {
      case "ini":
      case "include":
        await this.#load(value, origin);
        return true;
      case "set":
      case "set-placeholder":
        await this.#set(key, value, origin, name === "set-placeholder");
        return true;
      case "for":
      case "for-times":
      case "for-glob":
      case "for-readline":
        await this.#openFor(name, key, value, origin);
        return true;
      case "blacklist":
        this.#forbidden = new Set(forWords(value.toLowerCase()));
        return true;
      case "whitelist":
        this.#allowed = new Set(forWords(value.toLowerCase()));
        return true;
      case "end-blacklist":
        this.#forbidden = null;
        return true;
      case "end-whitelist":
        this.#allowed = null;
        return true;
      case "plugin":
        for (const plugin of value.split(",")) {
          this.#plugins.add(plugin).add(plugin.replace(/\d+$/, ""));
        }
        return true;
      case "iprint":
        this.#printed.push(text(value));
        return true;
      case "exit":
        return this.#stop(origin, "exit: the configuration asks to stop here");
      case "endfor":
      case "endif":
      case "strict":
        return true;
    }
    const condition = conditionOf(key);
    if (condition === undefined) return false;
    if (this.#openBlock(key, origin)) {
      this.#block = {
        ...condition,
        kind: "if",
        key,
        argument: value,
        failed: undefined,
        place: origin.place,
      };
      this.#checkQuestion(condition.about, value, origin);
    }
    return true;
  }

  async #set(key: string, value: string, origin: Origin, placeholder: boolean): Promise<void> {
    const equals = value.indexOf("=");
    if (equals === -1) return this.#problem(origin, `${key} wants KEY=VALUE: "${text(value)}"`);
    const [name, rest] = [value.slice(0, equals), value.slice(equals + 1)];
    if (placeholder) await this.#append(name, rest, origin, true);
    else await this.#add(name, rest, origin);
  }

  // Blocks

  #openBlock(key: string, origin: Origin): boolean {
    if (this.#block === null) return true;
    const before = `${this.#block.key} in ${placeText(this.#block.place)} is still open`;
    this.#problem(origin, `${key} cannot stand inside another block: ${before}`);
    return false;
  }

  async #openFor(name: string, key: string, value: string, origin: Origin): Promise<void> {
    if (!this.#openBlock(key, origin)) return;
    let words: readonly string[] = [];
    try {
      words = await this.#wordsOf(name, value, origin);
    } catch (error) {
      const known = error instanceof HostError || error instanceof SyntaxError ||
        error instanceof RangeError;
      if (!known) throw error;
      this.#problem(origin, `${key} ${error.message}: "${text(value)}"`);
    }
    this.#block = { kind: "for", key, words, place: origin.place };
  }

  async #wordsOf(name: string, value: string, origin: Origin): Promise<readonly string[]> {
    switch (name) {
      case "for-times":
        return forTimes(value);
      case "for-glob":
        return glob(text(value), this.#host, (path) => this.#absolute(path, origin)).map(
          encodeBytes,
        );
      case "for-readline": {
        const source: Source = { kind: "file", path: text(value) };
        const absolute = (path: string) => this.#absolute(path, origin);
        return forLines(await readSource(source, LIMITS.valueBytes, this.#host, absolute));
      }
      default:
        return forWords(value);
    }
  }

  #openElse(origin: Origin): void {
    const block = this.#block;
    if (block === null || block.kind !== "if") {
      return this.#problem(origin, "else wants an if before it");
    }
    const failed = block.failed ?? !this.#judge(block, origin).holds;
    this.#block = { kind: "else", key: "else", taken: failed, place: origin.place };
  }

  #closeBlock(): void {
    const block = this.#block;
    if (block === null) return;
    const end = block.kind === "for" ? "endfor" : "endif";
    this.#problem({ place: block.place, frame: null }, `${block.key} wants an ${end} below it`);
    this.#block = null;
  }

  #judge(block: Block & { kind: "if" }, origin: Origin) {
    try {
      return judge(block.about, block.negated, block.argument, this.#facts(origin));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#problem(
        { place: block.place, frame: null },
        `${block.key} ${error.message}: "${text(block.argument)}"`,
      );
      return { holds: false };
    }
  }

  #facts(origin: Origin): Facts {
    return {
      hostname: this.#host.hostname,
      isReload: this.#host.isReload,
      option: (key) => this.#lookUp(key),
      environment: (name) => this.#variable(name),
      isReadable: (path) => this.#host.isReadable(this.#absolute(text(path), origin)),
      kindOf: (path) => this.#host.kindOf(this.#absolute(text(path), origin)),
      hasPlugin: (name) => this.#plugins.has(name),
    };
  }

  /** Remembers what an if-opt asks for, to say later when it could never have held. */
  #checkQuestion(about: string, argument: string, origin: Origin): void {
    if (about !== "opt") return;
    const key = argument.split("=", 1)[0] ?? "";
    const held = this.#first.has(key);
    this.#asked.push({ key, origin, at: this.#options.length, held });
  }

  #judgeQuestions(): void {
    for (const { key, origin, at, held } of this.#asked) {
      const trimmed = key.trim();
      if (trimmed !== key || key === "") {
        const wish = trimmed === "" ? "a name" : `${trimmed}=VALUE, without blanks before the =`;
        this.#problem(origin, `if-opt can never hold: it wants ${wish}: "${text(key)}"`);
      } else if (!held) {
        const later = this.#options.findIndex((option, i) => i >= at && option.key === key);
        const place = this.#options[later]?.origin.place;
        if (place === undefined || place.file !== origin.place.file) continue;
        if (place.line <= origin.place.line) continue;
        const where = placeText(place);
        this.#warnings.push({
          place: origin.place,
          message: `if-opt asks for ${text(key)}, which is given only further down, in ${where}`,
        });
      }
    }
  }

  // Files

  async #load(nameBytes: string, origin: Origin): Promise<void> {
    const whole = decodeBytes(nameBytes);
    if (whole === undefined) return this.#problem(origin, "the name of a file wants to be UTF-8");
    const { name, section } = splitSection(whole);
    if (/\.(?:xml|ya?ml|json|js)$/.test(whole)) {
      return this.#problem(origin, `only ini files are read: "${whole}"`);
    }
    const loaded = name === "" ? this.#last : await this.#read(name, origin);
    if (loaded === null) {
      if (name === "") this.#problem(origin, `there is no file before it: "${whole}"`);
      return;
    }
    this.#last = loaded;
    const frame = this.#enter(loaded, name, section ?? "", origin);
    if (frame === null) return;
    const wanted = section === undefined || section === "" ? "uwsgi" : section;
    await this.#addLines(loaded.text, loaded.name, wanted, frame);
  }

  async #read(name: string, origin: Origin) {
    if (++this.#files > LIMITS.files) {
      this.#stop(origin, `a configuration may read ${LIMITS.files} files: this one reads more`);
    }
    try {
      const source = parseSource(name);
      const absolute = (path: string) => this.#absolute(path, origin);
      const content = await readSource(source, LIMITS.iniBytes, this.#host, absolute);
      this.#grow(content.length, origin);
      const path = source.kind === "file" ? absolute(source.path) : undefined;
      if (this.#file === undefined) {
        this.#file = name;
        this.#baseDir = path === undefined ? this.#host.cwd : dirname(path);
      }
      return { source, text: content, name };
    } catch (error) {
      if (!(error instanceof HostError || error instanceof SyntaxError)) throw error;
      // What the command line names is the place itself.
      const isFirst = origin.frame === null;
      const place = isFirst ? { file: name, line: 0 } : origin.place;
      const subject = isFirst ? "" : `"${name}" `;
      this.#problem({ ...origin, place }, `${subject}cannot be read: ${error.message}`);
      return null;
    }
  }

  /** Sets the magic variables, and keeps files from including themselves. */
  #enter(
    loaded: { source: Source; name: string },
    name: string,
    section: string,
    origin: Origin,
  ): Frame | null {
    const path = loaded.source.kind === "file"
      ? this.#pathOf(loaded.source.path, origin)
      : undefined;
    const id = `${path ?? loaded.name}:${section === "" ? "uwsgi" : section}`;
    for (let frame = origin.frame; frame !== null; frame = frame.parent) {
      if (frame.id === id) {
        this.#problem(origin, `the file includes itself: "${loaded.name}"`);
        return null;
      }
    }
    const depth = (origin.frame?.depth ?? 0) + 1;
    if (depth > LIMITS.depth) {
      this.#stop(origin, `files may include each other ${LIMITS.depth} deep: "${loaded.name}"`);
    }
    if (name === "") this.#magic.enterSection(section);
    else if (path === undefined) this.#magic.enterStream(name);
    else this.#magic.enterFile(name, path, section);
    return { id, depth, parent: origin.frame };
  }

  /** Absolute, and without symbolic links, but for the file itself. */
  #pathOf(path: string, origin: Origin): string {
    const absolute = this.#absolute(path, origin);
    if (this.#host.isLink(absolute)) {
      const base = origin.base ?? this.#baseDir ?? this.#host.cwd;
      return path.startsWith("/") ? path : `${base}/${path}`;
    }
    return this.#host.realPath(absolute) ?? absolute;
  }

  async #addLines(content: string, file: string, section: string, frame: Frame): Promise<void> {
    const ini = readIni(content, encodeBytes(section), this.#magic.table);
    const at = (line: number): Place => ({ file, line });
    for (const { line, message } of ini.problems) {
      this.#problem({ place: at(line), frame }, message);
    }
    for (const { line, message } of ini.warnings) {
      this.#warnings.push({ place: at(line), message });
    }
    if (ini.lines.length === 0) {
      const others = [...new Set(ini.sections)].filter((name) => name !== section).slice(0, 5);
      const hint = others.length === 0 ? "" : `; it has [${others.map(text).join("], [")}]`;
      this.#warnings.push({ place: at(0), message: `nothing in a section [${section}]${hint}` });
    }
    for (const { key, value, line } of ini.lines) {
      await this.#add(key, value, { place: at(line), frame });
    }
  }

  // References

  #expand(symbol: Symbol): void {
    const lookUp = symbol === "$"
      ? (key: string) => this.#variable(key)
      : (key: string) => resolvePlaceholder(key, (name) => this.#lookUp(name));
    for (const option of this.#options) {
      if (option.value === null) continue;
      if (!option.done) {
        const steps = this.#steps(option, symbol);
        let step = steps.next();
        while (!step.done) step = steps.next(lookUp(step.value));
      }
      if (symbol === "$" && option.key === "env") this.#setVariable(option.value);
    }
  }

  async #expandFiles(): Promise<void> {
    for (const option of this.#options) {
      if (option.value === null || option.done) continue;
      const steps = this.#steps(option, "@");
      let step = steps.next();
      while (!step.done) step = steps.next(await this.#contentOf(step.value, option.origin));
    }
  }

  /**
   * Fills the references of a value in, asking for each key in turn. After each one the value is
   * looked at again from its second character on, as uWSGI does.
   */
  *#steps(option: Option, symbol: Symbol): Generator<string, void, string | undefined> {
    let from = 0;
    let value = option.value ?? "";
    while (value.includes(`${symbol}(`)) {
      this.#work += value.length - from;
      if (this.#work > LIMITS.work) {
        this.#stop(option.origin, `${option.key} is never done: a placeholder holds itself`);
      }
      const reference = findReference(value, symbol, from);
      if (reference === undefined) break;
      const found = yield reference.key;
      if (found === undefined) {
        from = reference.end;
        continue;
      }
      value = value.slice(0, reference.start) + found + value.slice(reference.end);
      from = 1;
      if (value.length > LIMITS.valueBytes) {
        const message = `${text(option.key)} may have ${LIMITS.valueBytes} bytes, and a ` +
          `placeholder makes it longer (does it hold itself?): "${text(value.slice(0, 60))}…"`;
        this.#problem(option.origin, message);
        value = "";
      }
    }
    option.value = value;
  }

  async #contentOf(name: string, origin: Origin): Promise<string | undefined> {
    const path = text(name);
    try {
      const absolute = (relative: string) => this.#absolute(relative, origin);
      const source = parseSource(path);
      let content = await readSource(source, LIMITS.valueBytes, this.#host, absolute);
      const end = content.indexOf("\0");
      if (end !== -1) content = content.slice(0, end);
      if (/[\r\n]$/.test(content)) content = content.slice(0, -1);
      if (/(?:key|secret|password|passwd|pem)(?:\.\w+)?$/i.test(path)) {
        this.#secrets.push(text(content));
      }
      this.#grow(content.length, origin);
      return content;
    } catch (error) {
      if (!(error instanceof HostError || error instanceof SyntaxError)) throw error;
      this.#problem(origin, `@(${path}) cannot be read: ${error.message}`);
      return undefined;
    }
  }

  #lookUp(key: string): string | undefined {
    this.#used.add(text(key));
    return this.#first.get(key)?.value ?? undefined;
  }

  #variable(name: string): string | undefined {
    const value = this.#environment.get(text(name));
    return value === undefined ? undefined : encodeBytes(value);
  }

  #setVariable(assignment: string): void {
    const equals = assignment.indexOf("=");
    if (equals > 0) {
      this.#environment.set(text(assignment.slice(0, equals)), text(assignment.slice(equals + 1)));
    }
  }

  /** What acts only now that everything is filled in. The list grows while it is walked. */
  async #configure(): Promise<void> {
    for (const option of this.#options) {
      if (option.done) continue;
      const name = findOption(option.key)?.name;
      if (name === "inherit") await this.#load(option.value ?? "", option.origin);
      else if (name === "print") this.#printed.push(text(option.value ?? ""));
    }
    this.#closeBlock();
  }

  // Small things

  #absolute(path: string, origin: Origin): string {
    return resolve(origin.base ?? this.#baseDir ?? this.#host.cwd, path);
  }

  #isForbidden(key: string): boolean {
    if (key === "end-blacklist" || key === "end-whitelist") return false;
    const name = key.toLowerCase();
    return this.#forbidden?.has(name) === true || this.#allowed?.has(name) === false;
  }

  #grow(bytes: number, origin: Origin): void {
    this.#bytes += bytes;
    if (this.#bytes > LIMITS.totalBytes) {
      this.#stop(origin, `a configuration may have ${LIMITS.totalBytes} bytes: this one has more`);
    }
  }

  #problem(origin: Origin, message: string): void {
    const { place } = origin;
    const isSaid = (said: Problem) =>
      said.message === message && said.place.line === place.line &&
      said.place.file === place.file;
    if (this.#problems.some(isSaid)) return;
    this.#problems.push({ place, message });
    if (this.#problems.length >= LIMITS.problems) throw new Stop();
  }

  #stop(origin: Origin, message: string): never {
    this.#problems.push({ place: origin.place, message });
    throw new Stop();
  }

  #entryOf({ key, value, origin, placeholder }: Option): Entry {
    const [name, content] = [decodeBytes(key), decodeBytes(value ?? "")];
    if (name === undefined || content === undefined) {
      const message = `wants UTF-8: "${text(name === undefined ? key : value ?? "")}"`;
      this.#problems.push({ place: origin.place, message });
    }
    return {
      key: name ?? text(key),
      value: content ?? text(value ?? ""),
      place: origin.place,
      ...(origin.base === undefined ? {} : { base: origin.base }),
      ...(placeholder ? { placeholder } : {}),
      ...(value === null ? { valueless: true } : {}),
    };
  }
}

function isEnd(key: string): boolean {
  return key === "end" || ["endfor", "endif"].includes(findOption(key)?.name ?? "");
}

/** Bytes as a text for people and for the file system; what is no UTF-8 stays one byte a letter. */
function text(bytes: string): string {
  return decodeBytes(bytes) ?? bytes;
}
