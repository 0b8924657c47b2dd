/**
 * The ini files of a configuration: reads each one that is named, keeps them from including themselves
 * without end, and hands their lines on.
 *
 * @pure
 */

import { dirname, resolve } from "@std/path";
import { decodeBytes, encodeBytes } from "./bytes.ts";
import { type Complaints, LIMITS } from "./complaints.ts";
import { type ConfigHost, HostError } from "./host.ts";
import { readIni } from "./ini.ts";
import type { Magic } from "./magic.ts";
import { type IncludeFrame, type Origin, text } from "./option_list.ts";
import type { Place } from "../platform/problem.ts";
import { parseSource, readSource, type Source, splitSection } from "./source.ts";

/** Takes one line of a file. */
export type Add = (key: string, value: string, origin: Origin) => Promise<void>;

export class IniFiles {
  readonly #host: ConfigHost;
  readonly #magic: Magic;
  readonly #complaints: Complaints;
  readonly #add: Add;
  #file: string | undefined;
  #baseDir: string | undefined;
  #last: { source: Source; text: string; name: string } | null = null;
  #files = 0;
  /** What the environment and the command line have named. */
  readonly #named = new Set<string>();

  constructor(host: ConfigHost, magic: Magic, complaints: Complaints, add: Add) {
    this.#host = host;
    this.#magic = magic;
    this.#complaints = complaints;
    this.#add = add;
  }

  /** The file everything began with, as it was named; undefined when there was none. */
  get first(): string | undefined {
    return this.#file;
  }

  /** Where relative paths of files start. */
  get baseDir(): string {
    return this.#baseDir ?? this.#host.cwd;
  }

  /** A path of an option. */
  absolute(path: string, origin: Origin): string {
    return resolve(origin.base ?? this.baseDir, path);
  }

  /** Reads a file, or a section of the last one, where an option names it. */
  async load(nameBytes: string, origin: Origin): Promise<void> {
    const whole = decodeBytes(nameBytes);
    if (whole === undefined) return this.#problem(origin, "the name of a file needs to be UTF-8");
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
      const absolute = (path: string) => this.absolute(path, origin);
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
  ): IncludeFrame | null {
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
    const absolute = this.absolute(path, origin);
    if (this.#host.isLink(absolute)) {
      const base = origin.base ?? this.baseDir;
      return path.startsWith("/") ? path : `${base}/${path}`;
    }
    return this.#host.realPath(absolute) ?? absolute;
  }

  async #addLines(
    content: string,
    file: string,
    section: string,
    frame: IncludeFrame,
  ): Promise<void> {
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

  #problem(origin: Origin, message: string): void {
    this.#complaints.problem(origin.place, message);
  }

  #stop(origin: Origin, message: string): never {
    return this.#complaints.stop(origin.place, message);
  }
}
