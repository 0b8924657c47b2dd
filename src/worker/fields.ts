/** The fields of a JSON object, each of the type that is asked for. @pure */

import { ProtocolError } from "./frame.ts";

export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ProtocolError(`expected an object: ${JSON.stringify(value)}`);
    }
    this.#fields = value as Readonly<Record<string, unknown>>;
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value === "string") return value;
    throw this.#wrong(name, "a text");
  }

  number(name: string): number {
    const value = this.#fields[name];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.#wrong(name, "a number");
  }

  whole(name: string): number {
    const value = this.number(name);
    if (Number.isInteger(value)) return value;
    throw this.#wrong(name, "a whole number");
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    if (typeof value === "boolean") return value;
    throw this.#wrong(name, "true or false");
  }

  list(name: string): unknown[] {
    const value = this.#fields[name];
    if (Array.isArray(value)) return value as unknown[];
    throw this.#wrong(name, "a list");
  }

  texts(name: string): string[] {
    const list = this.list(name);
    if (list.every((each) => typeof each === "string")) return list as string[];
    throw this.#wrong(name, "a list of texts");
  }

  textsOrNone(name: string): string[] {
    return this.has(name) ? this.texts(name) : [];
  }

  textsByName(name: string): Readonly<Record<string, string>> {
    const record = this.has(name) ? this.record(name) : {};
    if (Object.values(record).every((each) => typeof each === "string")) {
      return record as Readonly<Record<string, string>>;
    }
    throw this.#wrong(name, "an object of texts");
  }

  record(name: string): Readonly<Record<string, unknown>> {
    const value = this.#fields[name];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    throw this.#wrong(name, "an object");
  }

  #wrong(name: string, wish: string): ProtocolError {
    const type = this.#fields["type"];
    const value = JSON.stringify(this.#fields[name]) ?? "nothing";
    return new ProtocolError(`${name} of ${type} needs ${wish}: ${value.slice(0, 100)}`);
  }
}
