/**
 * Keeps secrets out of every output: the values of options whose names end in secret, password or
 * key, of `key=value` pairs inside other values, and wherever else the same text turns up.
 *
 * @pure
 */

import { findOption } from "./options.ts";

export const MASK = "********";

const SECRET_NAME = /(?:secret|password|passwd|key)$/i;
const SECRET_PAIR = /((?:secret|password|passwd|key)=)("[^"]*"|'[^']*'|[^,\s]+)/gi;
/** Shorter texts turn up by chance, and hiding them everywhere would only confuse. */
const ELSEWHERE_MIN = 6;

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || findOption(name)?.secret === true;
}

/** Whether an option is a secret, or has one among its settings. */
export function holdsSecret(
  { key, value }: { readonly key: string; readonly value: string | null },
): boolean {
  return isSecretName(key) || (value ?? "").search(SECRET_PAIR) !== -1;
}

export class Secrets {
  readonly #values = new Set<string>();

  /** @param entries as they were read and as they were expanded, so that both texts are known */
  constructor(entries: Iterable<{ readonly key: string; readonly value: string }> = []) {
    for (const { key, value } of entries) this.learn(key, value);
  }

  learn(key: string, value: string): void {
    if (isSecretName(key)) this.#hide(value);
    for (const [, , secret] of value.matchAll(SECRET_PAIR)) {
      this.#hide((secret ?? "").replace(/^(["'])(.*)\1$/s, "$2"));
    }
  }

  /** The text with everything secret in it replaced. */
  mask(text: string): string {
    let masked = text.replace(SECRET_PAIR, `$1${MASK}`);
    for (const value of this.#values) masked = masked.replaceAll(value, MASK);
    return masked;
  }

  maskValue(key: string, value: string): string {
    return value !== "" && isSecretName(key) ? MASK : this.mask(value);
  }

  #hide(value: string): void {
    if (value.length >= ELSEWHERE_MIN) this.#values.add(value);
  }
}
