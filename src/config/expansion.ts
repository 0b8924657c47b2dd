/**
 * Fills `$(…)`, `@(…)` and `%(…)` in: in uWSGI's order one kind after the other, each over every option.
 *
 * Source: uWSGI 2.0.21 core/uwsgi.c, uwsgi_setup; core/config.c, uwsgi_configure.
 *
 * @pure
 */

import { type Complaints, LIMITS } from "./complaints.ts";
import { type ConfigHost, HostError } from "./host.ts";
import { type Option, type OptionList, type Origin, text } from "./option_list.ts";
import { findReference, resolvePlaceholder, type Symbol } from "./reference.ts";
import { parseSource, readSource } from "./source.ts";

export class Expansion {
  /** Texts that came from files named as keys or secrets. */
  readonly secrets: string[] = [];
  #work = 0;

  /** @param absolute makes a path of an option absolute */
  constructor(
    private readonly options: OptionList,
    private readonly complaints: Complaints,
    private readonly host: ConfigHost,
    private readonly absolute: (path: string, origin: Origin) => string,
  ) {}

  async run(): Promise<void> {
    this.#expand("$", (key) => this.options.variable(key));
    await this.#expandFiles();
    this.#expand("%", (key) => resolvePlaceholder(key, (name) => this.options.lookUp(name)));
  }

  #expand(symbol: Symbol, lookUp: (key: string) => string | undefined): void {
    for (const option of this.options.all) {
      if (option.value === null) continue;
      if (!option.done) {
        const steps = this.#steps(option, symbol);
        let step = steps.next();
        while (!step.done) step = steps.next(lookUp(step.value));
      }
      if (symbol === "$" && option.key === "env") this.options.setVariable(option.value);
    }
  }

  async #expandFiles(): Promise<void> {
    for (const option of this.options.all) {
      if (option.value === null || option.done) continue;
      const steps = this.#steps(option, "@");
      let step = steps.next();
      while (!step.done) step = steps.next(await this.#contentOf(step.value, option.origin));
    }
  }

  /**
   * Fills the references of a value in, asking for each key in turn. After each one the value is
   * scanned again from its second character on, as uWSGI does.
   */
  *#steps(option: Option, symbol: Symbol): Generator<string, void, string | undefined> {
    const { key: name, origin: { place } } = option;
    let from = 0;
    let value = option.value ?? "";
    while (value.includes(`${symbol}(`)) {
      this.#work += value.length - from;
      if (this.#work > LIMITS.work) {
        this.complaints.stop(place, `${name} is never done: a placeholder holds itself`);
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
        const message = `${text(name)} may have ${LIMITS.valueBytes} bytes, and a ` +
          `placeholder makes it longer (does it hold itself?): "${text(value.slice(0, 60))}…"`;
        this.complaints.problem(place, message);
        value = "";
      }
    }
    option.value = value;
  }

  async #contentOf(name: string, origin: Origin): Promise<string | undefined> {
    const path = text(name);
    try {
      const absolute = (relative: string) => this.absolute(relative, origin);
      const source = parseSource(path);
      let content = await readSource(source, LIMITS.valueBytes, this.host, absolute);
      const end = content.indexOf("\0");
      if (end !== -1) content = content.slice(0, end);
      if (/[\r\n]$/.test(content)) content = content.slice(0, -1);
      if (/(?:key|secret|password|passwd|pem)(?:\.\w+)?$/i.test(path)) {
        this.secrets.push(text(content));
      }
      this.complaints.grow(content.length, origin.place);
      return content;
    } catch (error) {
      if (!(error instanceof HostError || error instanceof SyntaxError)) throw error;
      this.complaints.problem(origin.place, `@(${path}) cannot be read: ${error.message}`);
      return undefined;
    }
  }
}
