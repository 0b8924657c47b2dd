/**
 * Keeps secrets out of every output. Known ones (values of settings whose names say so) are hidden
 * wherever the same text turns up; what has the form of one (`NAME_TOKEN=…`, `--password …`, a password in a
 * URL, `Authorization: …`) is hidden in texts of the program: commands, warnings, errors.
 *
 * @pure
 */

export const MASK = "********";

/** What the names of secrets end in. */
const NAME = String.raw`(?:secret|password|passwd|passphrase|token|credentials?|key|pwd|[_-]pass)`;
const SECRET_NAME = new RegExp(`${NAME}$`, "i");
/** In a command it ends where the shell ends it. */
const VALUE = String.raw`("[^"]*"|'[^']*'|[^,\s]*[^,\s;&|)]|[;&|)])`;
/** `concurrency-key=` names a key of tasks, `nkey=` the file of a seed, unless that is the seed itself. */
const HARMLESS = String.raw`\bconcurrency-|\bn(?=key=(?!S[A-Z2-7]{50}))`;
const PAIR = new RegExp(`((?<!${HARMLESS})${NAME}=)${VALUE}`, "gi");
const FLAG = new RegExp(String.raw`(\s--?[\w-]{0,60}${NAME}\s{1,8})(?!-)${VALUE}`, "gi");
const IN_URL = /(\b[a-z][\w+.-]{0,20}:\/\/[^\s:/@]{0,200}:)([^\s/@]{1,1000})(?=@)/gi;
const IN_HEADER = new RegExp(
  String.raw`(\b(?:(?:proxy-)?authorization|x-[\w-]{0,60}${NAME}):\s{0,8}` +
    String.raw`(?:(?:basic|bearer|digest|token)\s{1,8})?)([^\s"']{1,4096})`,
  "gi",
);
/** Options that only certain programs take: what stands before the secret, from the program's name on. */
const BY_PROGRAM = [
  String.raw`curl\b[^|;&\n]{0,500}\s(?:-[uU]|--(?:proxy-)?user)[\s=]{0,8}["']?[^\s:"'|;&]{1,200}:`,
  String.raw`(?:mysql|mariadb)[\w-]{0,20}\b[^|;&\n]{0,500}\s-p["']?`,
  String.raw`sshpass\s{1,8}-p\s{0,8}["']?`,
  String.raw`redis-cli\b[^|;&\n]{0,500}\s-a\s{1,8}["']?`,
].map((before) => new RegExp(`(?<=\\b${before})()([^\\s"'|;&]{1,1000})`, "g"));
/** These look back at every letter, and most texts name none of the programs. */
const PROGRAM = /\b(?:curl|mysql|mariadb|sshpass|redis-cli)/;
/** Without any of these a text has the form of none, and a long listing has a million such lines. */
const SIGN = /=|:\/\/|\s-[\w-]|authorization:|x-/i;
/** What hands a secret over: a name and a value, each of them a group. */
const ANYWHERE = [PAIR, FLAG, IN_URL, IN_HEADER];
const shapesFor = (text: string) => PROGRAM.test(text) ? [...ANYWHERE, ...BY_PROGRAM] : ANYWHERE;

/** Shorter texts turn up by chance, and hiding them everywhere would only confuse. */
const ELSEWHERE_MIN = 6;

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** The secrets that a text hands over, by their names or places. */
export function secretsIn(text: string): string[] {
  const found = shapesFor(text).flatMap((shape) => [...text.matchAll(shape)])
    .map(([, , value]) => value);
  return found.map((value = "") => value.replace(/^(["'])(.*)\1$/s, "$2"));
}

/** The text without what has the form of a secret. */
export function maskShapes(text: string): string {
  if (!SIGN.test(text)) return text;
  return shapesFor(text).reduce((masked, shape) => masked.replace(shape, `$1${MASK}`), text);
}

/** Takes secrets out of texts. */
export interface Masking {
  /** For a text of tasks: of those that are known. */
  maskKnown(text: string): string;
  /** For a text of the program: of what has the form of one, too. */
  mask(text: string): string;
}

export class Secrets implements Masking {
  readonly #values = new Set<string>();

  /** @param isSecret whether a setting is one, by its name */
  constructor(private readonly isSecret: (name: string) => boolean = isSecretName) {}

  learn(name: string, value: string): void {
    if (this.isSecret(name)) this.#hide(value);
    for (const secret of secretsIn(value)) {
      this.#hide(secret);
      // In a command it ends where the shell ends it.
      this.#hide(secret.split(/[;&|)]/, 1)[0] ?? "");
    }
  }

  /** Also hides what the others know. */
  add(others: Secrets): void {
    for (const value of others.#values) this.#values.add(value);
  }

  maskKnown(text: string): string {
    let masked = text;
    for (const value of this.#values) masked = masked.replaceAll(value, MASK);
    return masked;
  }

  mask(text: string): string {
    return this.maskKnown(maskShapes(text));
  }

  maskValue(name: string, value: string): string {
    return value !== "" && this.isSecret(name) ? MASK : this.mask(value);
  }

  #hide(value: string): void {
    if (value.length >= ELSEWHERE_MIN) this.#values.add(value);
  }
}
