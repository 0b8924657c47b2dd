/** Inis at random, reproducible, in the part of the dialect where we mean to be uWSGI's equal. */

export type Random = () => number;

/** mulberry32: small, seeded, good enough to choose test cases. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Placeholders hold only ones with a smaller number, so that none holds itself. */
const PLACEHOLDERS = 8;

export function generateIni(seed: number): string {
  const random = seeded(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const upTo = (n: number) => Math.floor(random() * n);
  const chance = (p: number) => random() < p;

  const blank = () => pick(["", "", " ", "  ", "\t", " \t "]);
  const literal = () =>
    pick([
      "a",
      "b7",
      "/srv/x",
      "12",
      "0",
      "-3",
      "x y",
      "é",
      "#",
      ";",
      "=",
      "(",
      ")",
      "$",
      "@",
      "((",
      "",
    ]);
  const magic = () =>
    pick(["%d", "%n", "%s", "%x", "%p", "%c", "%e", "%0", "%3", "%%", "%q", "%N", "%D", "%h"]);
  const environment = () =>
    pick(["$(CASE_A)", "$(CASE_NONE)", "$(CASE_EMPTY)", "$(CASE_NAME)", "$("]);
  const file = () => pick(["@(word.txt)", "@(two.txt)", "@(empty.txt)", "@("]);
  const name = (below: number) => below === 0 ? "none" : `p${upTo(below)}`;
  const arithmetic = (below: number) => {
    const words = [name(below)];
    for (let i = upTo(4); i >= 0; i--) {
      words.push(pick(["+", "-", "*", "/", "++", "--", "5", "12", "none", name(below)]));
    }
    return `%(${words.join(pick([" ", " ", "  "]))})`;
  };
  const reference = (below: number) =>
    pick([() => `%(${name(below)})`, () => arithmetic(below), () => "%(", () => "%(_)"])();
  const value = (below: number) => {
    const parts: string[] = [];
    for (let i = upTo(5); i > 0; i--) {
      parts.push(
        pick([literal, literal, magic, environment, file, () => reference(below)])(),
        pick(["", "", "-", " "]),
      );
    }
    return parts.join("");
  };
  const assignment = () => {
    const number = upTo(PLACEHOLDERS);
    const key = pick([
      `p${number}`,
      `p${number}`,
      "title",
      "spooler-frequency",
      "some_name",
      "module",
    ]);
    const below = key.startsWith("p") ? number : PLACEHOLDERS;
    if (key === "spooler-frequency") return `${key} = ${upTo(90)}${pick(["", " # often", "x"])}`;
    return `${blank()}${key}${blank()}=${blank()}${value(below)}${blank()}`;
  };
  const flag = () => pick(["master", "vacuum =", "vacuum = true", "lazy-apps", "unknown_flag"]);
  const comment = () => pick(["; no", "# no = yes", "", "   ", "\t# x"]);
  const include = () =>
    pick([
      "ini = part.ini",
      "ini = part.ini:extra",
      "include = part.ini",
      "inherit = part.ini",
      "ini = link.ini",
      "ini = sub/deep.ini",
      "ini = :other",
    ]);
  const setting = () => {
    const number = upTo(PLACEHOLDERS);
    return pick([`set = p${number}=${value(number)}`, `set-ph = p${number}=${value(number)}`]);
  };
  const plain = () =>
    pick([assignment, assignment, assignment, assignment, flag, comment, setting, include])();
  const condition = () =>
    pick([
      "if-env = CASE_A",
      "if-env = CASE_NONE",
      "if-not-env = CASE_A=alpha",
      "if-env = CASE_A=alpha",
      `if-opt = p${upTo(PLACEHOLDERS)}`,
      `if-not-opt = p${upTo(PLACEHOLDERS)}`,
      "if-opt = title=a",
      "if-exists = word.txt",
      "if-not-exists = word.txt",
      "if-file = sub",
      "if-dir = sub",
      "if-not-dir = nowhere",
      "if-hostname = nobody",
      "if-not-hostname = nobody",
      "if-not-reload =",
    ]);
  const loop = () =>
    pick([
      "for = a b c",
      "for = ",
      "for-times = 3",
      "for-glob = glob/*.ini",
      "for-glob = *.txt",
      "for-readline = two.txt",
    ]);
  const block = () => {
    const isLoop = chance(0.5);
    const lines = [isLoop ? loop() : condition()];
    for (let i = upTo(4); i > 0; i--) lines.push(chance(0.97) ? plain() : condition());
    lines.push(isLoop ? pick(["endfor =", "endfor", "end-for ="]) : pick(["endif =", "endif"]));
    return lines.join("\n");
  };
  const section = (lines: number) => {
    const text: string[] = [];
    for (let i = 1 + upTo(lines); i > 0; i--) text.push(chance(0.25) ? block() : plain());
    return text.join("\n");
  };
  // The section that `ini = :other` asks for reads no files itself: it could ask for itself.
  const other = () => Array.from({ length: 1 + upTo(3) }, assignment).join("\n");
  const end = pick(["\n", "\n", "\n", "\r\n"]);
  return `[uwsgi]\n${section(14)}\n[other]\n${other()}\n`.replaceAll("\n", end);
}
