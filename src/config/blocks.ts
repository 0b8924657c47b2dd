/**
 * The open `for` or `if` of a configuration: which of the lines in it count, how often, and with what
 * in the place of `%(_)`. Blocks do not nest.
 *
 * Source: uWSGI 2.0.21 core/config.c, add_exported_option and the functions uwsgi_logic_opt_…
 *
 * @pure
 */

import type { Complaints } from "./complaints.ts";
import { conditionOf, type ConditionResult, type Facts, judge } from "./condition.ts";
import { findOption } from "./options.ts";
import { type OptionList, type Origin, text } from "./option_list.ts";
import { type Place, placeText } from "../platform/problem.ts";

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

/** An if-opt that has been asked, to say later when it could never have held. */
interface AskedCondition {
  readonly key: string;
  readonly place: Place;
  /** How many options there were. */
  readonly at: number;
  readonly held: boolean;
}

export class Blocks {
  #block: Block | null = null;
  readonly #asked: AskedCondition[] = [];

  /** @param facts what the conditions of a line from there may ask about */
  constructor(
    private readonly options: OptionList,
    private readonly complaints: Complaints,
    private readonly facts: (origin: Origin) => Facts,
  ) {}

  get isOpen(): boolean {
    return this.#block !== null;
  }

  /** To be asked before a block is opened; a block that is still open is a problem. */
  mayOpen(key: string, { place }: Origin): boolean {
    if (this.#block === null) return true;
    const before = `${this.#block.key} in ${placeText(this.#block.place)} is still open`;
    this.complaints.problem(place, `${key} cannot stand inside another block: ${before}`);
    return false;
  }

  openFor(key: string, words: readonly string[], { place }: Origin): void {
    this.#block = { kind: "for", key, words, place };
  }

  /** @returns false when `key` is no condition */
  openIf(key: string, argument: string, origin: Origin): boolean {
    const { place } = origin;
    const condition = conditionOf(key);
    if (condition === undefined) return false;
    if (this.mayOpen(key, origin)) {
      this.#block = { ...condition, kind: "if", key, argument, failed: undefined, place };
      if (condition.about === "opt") this.#remember(argument, place);
    }
    return true;
  }

  openElse(origin: Origin): void {
    const block = this.#block;
    const { place } = origin;
    if (block === null || block.kind !== "if") {
      return this.complaints.problem(place, "else needs an if before it");
    }
    const failed = block.failed ?? !this.#judge(block, origin).holds;
    this.#block = { kind: "else", key: "else", taken: failed, place };
  }

  /** The `end` of a block was read. */
  close(): void {
    this.#block = null;
  }

  /** The configuration ends here: a block that is still open is a mistake. */
  finish(): void {
    const block = this.#block;
    if (block === null) return;
    const end = block.kind === "for" ? "endfor" : "endif";
    this.complaints.problem(block.place, `${block.key} needs an ${end} below it`);
    this.#block = null;
  }

  /** The values that a line inside of the block stands for: none, one, or one a word. */
  valuesOf(value: string | null, origin: Origin): (string | null)[] {
    const block = this.#block;
    const filled = (subject: string | undefined) =>
      subject === undefined || value === null ? value : value.replaceAll("%(_)", () => subject);
    switch (block?.kind) {
      case undefined:
        return [value];
      case "for":
        return block.words.map(filled);
      case "if": {
        const verdict = this.#judge(block, origin);
        block.failed = !verdict.holds;
        return verdict.holds ? [filled(verdict.subject)] : [];
      }
      case "else":
        return block.taken ? [value] : [];
      default:
        return block satisfies never;
    }
  }

  #judge(block: Block & { kind: "if" }, origin: Origin): ConditionResult {
    try {
      return judge(block.about, block.negated, block.argument, this.facts(origin));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const message = `${block.key} ${error.message}: "${text(block.argument)}"`;
      this.complaints.problem(block.place, message);
      return { holds: false };
    }
  }

  #remember(argument: string, place: Place): void {
    const key = argument.split("=", 1)[0] ?? "";
    this.#asked.push({ key, place, at: this.options.all.length, held: this.options.has(key) });
  }

  /** Names the conditions that could never hold, now that all options are there. */
  judgeQuestions(): void {
    for (const { key, place, at, held } of this.#asked) {
      const trimmed = key.trim();
      if (trimmed !== key || key === "") {
        const wish = trimmed === "" ? "a name" : `${trimmed}=VALUE, without blanks before the =`;
        const message = `if-opt can never hold: it needs ${wish}: "${text(key)}"`;
        this.complaints.problem(place, message);
      } else if (!held) {
        const given = this.options.all.find((option, i) => i >= at && option.key === key);
        const later = given?.origin.place;
        if (later === undefined || later.file !== place.file || later.line <= place.line) continue;
        const message = `if-opt asks for ${text(key)}, which is given only further down, ` +
          `in ${placeText(later)}`;
        this.complaints.warn(place, message);
      }
    }
  }
}

/** Whether this key ends a block. */
export function isEnd(key: string): boolean {
  return key === "end" || ["endfor", "endif"].includes(findOption(key)?.name ?? "");
}
