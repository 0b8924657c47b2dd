/**
 * Puts a configuration together in uWSGI's order: the environment, the command line, and every
 * file they name; then `$(…)`, `@(…)` and `%(…)` in all values; then what is inherited.
 *
 * Options that read files, set placeholders or make blocks act at once, with their values as they
 * stand, because at that time nothing has been filled in but magic variables.
 *
 * Source: uWSGI 2.0.21 core/uwsgi.c, uwsgi_setup; core/config.c, add_exported_option and
 * uwsgi_configure.
 *
 * @pure
 */

import { dirname, resolve } from "node:path";
import { type Argument, environmentOptions, parseCommandLine } from "./argv.ts";
import { Blocks, isEnd } from "./blocks.ts";
import { decodeBytes, encodeBytes } from "./bytes.ts";
import { Complaints, LIMITS, Stop } from "./complaints.ts";
import { type Facts, forLines, forTimes, forWords } from "./condition.ts";
import type { Entry } from "./entry.ts";
import { Expansion } from "./expansion.ts";
import { glob } from "./glob.ts";
import { type ConfigHost, HostError } from "./host.ts";
import { readIni } from "./ini.ts";
import { Magic } from "./magic.ts";
import { entryOf, type Frame, OptionList, type Origin, text } from "./option_list.ts";
import { findForeign, findOption } from "./options.ts";
import type { Place, Problem } from "../platform/problem.ts";
import { parseSource, readSource, type Source, splitSection } from "./source.ts";
import { VERSION } from "../platform/version.ts";

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

export async function assemble(args: readonly string[], host: ConfigHost): Promise<Assembled> {
  const assembly = new Assembly(host);
  await assembly.run(args);
  return assembly.result();
}

class Assembly {
  readonly #host: ConfigHost;
  readonly #magic: Magic;
  readonly #complaints = new Complaints();
  readonly #options: OptionList;
  readonly #blocks: Blocks;
  readonly #expansion: Expansion;
  readonly #printed: string[] = [];
  readonly #plugins = new Set<string>();
  #inBlock = false;
  #forbidden: ReadonlySet<string> | null = null;
  #allowed: ReadonlySet<string> | null = null;
  #file: string | undefined;
  #baseDir: string | undefined;
  #last: { source: Source; text: string; name: string } | null = null;
  #files = 0;
  /** What the environment and the command line have named. */
  readonly #named = new Set<string>();

  constructor(host: ConfigHost) {
    this.#host = host;
    this.#magic = new Magic(host, VERSION);
    this.#options = new OptionList(host.environment);
    this.#blocks = new Blocks(this.#options, this.#complaints, (origin) => this.#facts(origin));
    const absolute = (path: string, origin: Origin) => this.#absolute(path, origin);
    this.#expansion = new Expansion(this.#options, this.#complaints, host, absolute);
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
      await this.#addArguments(environmentOptions(this.#options.environment), here("environment"));
      await this.#addArguments(line.options, here("command line"));
      for (const file of line.files) await this.#load(encodeBytes(file), here("command line"));
      this.#blocks.finish();
      await this.#expansion.run();
      await this.#configure();
      this.#blocks.judgeQuestions();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
  }

  result(): Assembled {
    const { problems, warnings } = this.#complaints;
    const told = (place: Place, message: string) => problems.push({ place, message });
    return {
      entries: this.#options.all.map((option) => entryOf(option, told)),
      file: this.#file,
      baseDir: this.#baseDir ?? this.#host.cwd,
      used: this.#options.used,
      printed: this.#printed,
      secrets: this.#expansion.secrets,
      problems,
      warnings,
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
      if (isEnd(key)) this.#blocks.close();
      else if (key === "else") return this.#blocks.openElse(origin);
      else if (this.#blocks.isOpen) return await this.#addInBlock(key, value, origin);
    }
    await this.#append(key, value, origin, false);
  }

  /** What a line of a block brings with it (`set`, a file) belongs to that line, whatever it is. */
  async #addInBlock(key: string, value: string | null, origin: Origin): Promise<void> {
    for (const each of this.#blocks.valuesOf(value, origin)) {
      this.#inBlock = true;
      await this.#append(key, each, origin, false);
      this.#inBlock = false;
    }
  }

  async #append(key: string, value: string | null, origin: Origin, placeholder: boolean) {
    if (this.#options.all.length >= LIMITS.options) {
      this.#stop(origin, `a configuration may have ${LIMITS.options} options: this one has more`);
    }
    this.#complaints.grow(key.length + (value?.length ?? 0), origin.place);
    const foreign = findForeign(key);
    const option = { key, value, done: placeholder, placeholder, origin };
    this.#options.add(option);
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
    return this.#blocks.openIf(key, value, origin);
  }

  async #set(key: string, value: string, origin: Origin, placeholder: boolean): Promise<void> {
    const equals = value.indexOf("=");
    if (equals === -1) return this.#problem(origin, `${key} wants KEY=VALUE: "${text(value)}"`);
    const [name, rest] = [value.slice(0, equals), value.slice(equals + 1)];
    if (placeholder) await this.#append(name, rest, origin, true);
    else await this.#add(name, rest, origin);
  }

  async #openFor(name: string, key: string, value: string, origin: Origin): Promise<void> {
    if (!this.#blocks.mayOpen(key, origin)) return;
    let words: readonly string[] = [];
    try {
      words = await this.#wordsOf(name, value, origin);
    } catch (error) {
      const known = error instanceof HostError || error instanceof SyntaxError ||
        error instanceof RangeError;
      if (!known) throw error;
      this.#problem(origin, `${key} ${error.message}: "${text(value)}"`);
    }
    this.#blocks.openFor(key, words, origin);
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

  #facts(origin: Origin): Facts {
    return {
      hostname: this.#host.hostname,
      isReload: this.#host.isReload,
      option: (key) => this.#options.lookUp(key),
      environment: (name) => this.#options.variable(name),
      isReadable: (path) => this.#host.isReadable(this.#absolute(text(path), origin)),
      kindOf: (path) => this.#host.kindOf(this.#absolute(text(path), origin)),
      hasPlugin: (name) => this.#plugins.has(name),
    };
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
      this.#complaints.grow(content.length, origin.place);
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
    if (origin.frame === null && name !== "") {
      // UWSGI_INI and --ini often name the same file; its spools and jobs must not be doubled.
      if (this.#named.has(id)) return null;
      this.#named.add(id);
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
      this.#complaints.warn(at(line), message);
    }
    if (!ini.sections.includes(encodeBytes(section))) {
      const others = [...new Set(ini.sections)].slice(0, 5).map(text);
      const hint = others.length === 0 ? "" : `; it has [${others.join("], [")}]`;
      const message = `has no section [${section}]${hint}`;
      // A part that is empty for now is as good as none, as in uWSGI; a whole ini is a mistake.
      if (frame.parent === null) this.#problem({ place: at(0), frame }, message);
      else this.#complaints.warn(at(0), message);
    } else if (ini.lines.length === 0) {
      this.#complaints.warn(at(0), `its section [${section}] is empty`);
    }
    for (const { key, value, line } of ini.lines) {
      await this.#add(key, value, { place: at(line), frame });
    }
  }

  /** What acts only now that everything is filled in. The list grows while it is walked. */
  async #configure(): Promise<void> {
    for (const option of this.#options.all) {
      if (option.done) continue;
      const name = findOption(option.key)?.name;
      if (name === "inherit") await this.#load(option.value ?? "", option.origin);
      else if (name === "print") this.#printed.push(text(option.value ?? ""));
    }
    this.#blocks.finish();
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

  #problem(origin: Origin, message: string): void {
    this.#complaints.problem(origin.place, message);
  }

  #stop(origin: Origin, message: string): never {
    return this.#complaints.stop(origin.place, message);
  }
}
