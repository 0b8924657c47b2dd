/**
 * References inside values: `$(ENV)`, `@(file)`, `%(placeholder)`, and the arithmetic of the last.
 *
 * Source: uWSGI 2.0.21 core/utils.c, uwsgi_apply_config_pass; core/config.c,
 * uwsgi_manage_placeholder. One thing is added: `%(a b %)`, the remainder.
 *
 * @pure
 */

export type Symbol = "$" | "@" | "%";

export interface Reference {
  /** What stands between the parentheses; never empty. */
  readonly key: string;
  /** Where the symbol stands, and the first character behind the reference. */
  readonly start: number;
  readonly end: number;
}

/** The first reference at or after `from`; the innermost one where they are nested. */
export function findReference(text: string, symbol: Symbol, from = 0): Reference | undefined {
  let state: "text" | "symbol" | "key" = "text";
  let depth = 0;
  let keyAt = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === symbol && !(state === "key" && isRemainder(text, at))) {
      state = "symbol";
    } else if (state === "symbol") {
      state = char === "(" ? "key" : "text";
      keyAt = at + 1;
      depth = 0;
    } else if (state === "key") {
      if (char === "(") depth++;
      else if (char === ")" && depth > 0) depth--;
      else if (char === ")") {
        if (at > keyAt) return { key: text.slice(keyAt, at), start: keyAt - 2, end: at + 1 };
        state = "text";
      }
    }
  }
  return undefined;
}

/** A `%` with a space before it, and a space or the end behind it, is the operator. */
function isRemainder(text: string, at: number): boolean {
  return text[at] === "%" && text[at - 1] === " " && (text[at + 1] === " " || text[at + 1] === ")");
}

type Operator = "concat" | "+" | "-" | "*" | "/" | "%";

/**
 * What `%(key)` stands for. One word is a key; several are a pipeline from left to right:
 * words and numbers are joined, `+ - * / %` take the next one as a number, `++` and `--` add and
 * take 1. Numbers are 64 bits and wrap; a division by zero is 0.
 *
 * @param lookup undefined for a name that is not set
 * @returns undefined when it stands for nothing and stays as it is
 */
export function resolvePlaceholder(
  key: string,
  lookup: (name: string) => string | undefined,
): string | undefined {
  if (!key.includes(" ")) return lookup(key);
  let result: string | undefined;
  let operator: Operator = "concat";
  for (const word of key.split(" ")) {
    if (word === "") continue;
    if (word === "++" || word === "--") {
      if (result !== undefined) result = calculate(result, word === "++" ? "+" : "-", "1");
      operator = "concat";
    } else if (isOperator(word)) {
      operator = word;
    } else {
      const value: string = /^\d+$/.test(word) ? word : lookup(word) ?? "";
      result = calculate(result ?? "", operator, value);
      operator = "concat";
    }
  }
  return result;
}

function isOperator(word: string): word is Operator {
  return ["+", "-", "*", "/", "%"].includes(word);
}

function calculate(left: string, operator: Operator, right: string): string {
  if (operator === "concat") return left + right;
  const [a, b] = [toInt64(left), toInt64(right)];
  switch (operator) {
    case "+":
      return String(BigInt.asIntN(64, a + b));
    case "-":
      return String(BigInt.asIntN(64, a - b));
    case "*":
      return String(BigInt.asIntN(64, a * b));
    case "/":
      return b === 0n ? "0" : String(BigInt.asIntN(64, a / b));
    case "%":
      return b === 0n ? "0" : String(a % b);
    default:
      return operator satisfies never;
  }
}

const INT64_MAX = 2n ** 63n - 1n;

/** strtoll: leading white space, a sign, digits; the rest is left alone; out of range is clamped. */
function toInt64(text: string): bigint {
  const [, sign, digits] = /^[ \t\n\v\f\r]*([+-]?)(\d+)/.exec(text.slice(0, 64)) ?? [];
  if (digits === undefined) return 0n;
  const value = BigInt(digits);
  if (sign === "-") return value > INT64_MAX + 1n ? -INT64_MAX - 1n : -value;
  return value > INT64_MAX ? INT64_MAX : value;
}
