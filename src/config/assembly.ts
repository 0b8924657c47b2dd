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

import { type Argument, environmentOptions, parseCommandLine } from "./argv.ts";
import { Blocks, isEnd } from "./blocks.ts";
import { encodeBytes } from "./bytes.ts";
import { Complaints, LIMITS, Stop } from "./complaints.ts";
import { type Facts, forLines, forTimes, forWords } from "./condition.ts";
import type { Entry } from "./entry.ts";
import { Expansion } from "./expansion.ts";
import { glob } from "./glob.ts";
import { type ConfigHost, HostError } from "./host.ts";
import { IniFiles } from "./ini_files.ts";
import { Magic } from "./magic.ts";
import { entryOf, OptionList, type Origin, text } from "./option_list.ts";
import { findForeign, findOption } from "./options.ts";
import type { Place, Problem } from "../platform/problem.ts";
import { readSource, type Source } from "./source.ts";
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
  readonly #files: IniFiles;
  readonly #complaints = new Complaints();
  readonly #options: OptionList;
  readonly #blocks: Blocks;
  readonly #expansion: Expansion;
  readonly #printed: string[] = [];
  readonly #plugins = new Set<string>();
  #inBlock = false;
  #forbidden: ReadonlySet<string> | null = null;
  #allowed: ReadonlySet<string> | null = null;

  constructor(host: ConfigHost) {
    this.#host = host;
    this.#files = new IniFiles(
      host,
      new Magic(host, VERSION),
      this.#complaints,
      (key, value, origin) => this.#add(key, value, origin),
    );
    this.#options = new OptionList(host.environment);
    this.#blocks = new Blocks(this.#options, this.#complaints, (origin) => this.#facts(origin));
    const absolute = (path: string, origin: Origin) => this.#files.absolute(path, origin);
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
      for (const file of line.files) {
        await this.#files.load(encodeBytes(file), here("command line"));
      }
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
    const report = (place: Place, message: string) => problems.push({ place, message });
    return {
      entries: this.#options.all.map((option) => entryOf(option, report)),
      file: this.#files.first,
      baseDir: this.#files.baseDir,
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
      case "ini-paste":
        await this.#files.load(value, origin);
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
    if (equals === -1) return this.#problem(origin, `${key} needs KEY=VALUE: "${text(value)}"`);
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
        return glob(text(value), this.#host, (path) => this.#files.absolute(path, origin)).map(
          encodeBytes,
        );
      case "for-readline": {
        const source: Source = { kind: "file", path: text(value) };
        const absolute = (path: string) => this.#files.absolute(path, origin);
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
      isReadable: (path) => this.#host.isReadable(this.#files.absolute(text(path), origin)),
      kindOf: (path) => this.#host.kindOf(this.#files.absolute(text(path), origin)),
      hasPlugin: (name) => this.#plugins.has(name),
    };
  }

  /** What acts only now that everything is filled in. The list grows while it is walked. */
  async #configure(): Promise<void> {
    for (const option of this.#options.all) {
      if (option.done) continue;
      const name = findOption(option.key)?.name;
      if (name === "inherit") await this.#files.load(option.value ?? "", option.origin);
      else if (name === "print") this.#printed.push(text(option.value ?? ""));
    }
    this.#blocks.finish();
  }

  // Small things

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
