/**
 * Broken configurations: whatever is in them, they are read or refused, and nothing else happens.
 *
 * SPOOLER_FUZZ says how many are read (`deno task test:fuzz:ini`: 100,000).
 */

import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { assert } from "../support/assert.ts";
import { fakeHost } from "../support/config_host.ts";
import { generateIni, seeded } from "../interop/ini_generator.ts";
import { knownNames } from "../../src/config/options.ts";

const INPUTS = Number(Deno.env.get("SPOOLER_FUZZ") ?? 300);
const names = knownNames();

const FRAGMENTS = [
  "[",
  "]",
  "[uwsgi]",
  "=",
  "\n",
  "\r\n",
  "\0",
  "%",
  "%%",
  "%(",
  "$(",
  "@(",
  ")",
  "((",
  ":",
  ";",
  "#",
  "\ufeff",
  "é",
  "ini = ",
  "include = x.ini",
  "inherit = x.ini",
  "ini = :uwsgi",
  "for = a b",
  "endfor",
  "for-times = 99999",
  "for-times = -1",
  "for-glob = *",
  "for-readline = x.ini",
  "if-opt = a",
  "else",
  "endif",
  "set = a=%(a)",
  "set-ph = b=",
  "set = set = set",
  "a = x%(a)%(a)",
  "strict = true",
  "if-hostname-match = (((",
  "exec://x",
  "http://x",
  "file://x.ini",
  "fd://0",
  "fd://x",
  "blacklist = a",
  "whitelist = a",
  "end-whitelist",
  "exit",
  "env = A=B",
  "env = A",
  "cron = 0 0 0 0 0 x",
  "timer2 = every=1s x",
  "socket = :::",
  "socket = [::1]:99999",
  "spooler-task = name=",
  "plugin = ,,,",
  "-9223372036854775809",
  "1e309",
  "NaN",
  "__proto__ = 1",
  "constructor = %(__proto__)",
] as const;

/** A generated ini, with bytes changed, pieces cut, moved and put in. */
function broken(seed: number): Uint8Array {
  const random = seeded(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  let text = generateIni(seed);
  for (let i = 1 + upTo(12); i > 0; i--) {
    const at = upTo(text.length + 1);
    const [before, after] = [text.slice(0, at), text.slice(at)];
    const name = names[upTo(names.length)] ?? "";
    const cut = upTo(20);
    text = [
      () => before + FRAGMENTS[upTo(FRAGMENTS.length)] + after,
      () => `${before}\n${FRAGMENTS[upTo(FRAGMENTS.length)]}\n${after}`,
      () => `${before}\n${name} = ${after}`,
      () => `${before}\n${name}\n${after}`,
      () => before + after.slice(cut),
      () => after + before,
    ][upTo(6)]?.() ?? text;
  }
  const bytes = new TextEncoder().encode(text);
  for (let i = upTo(3); i > 0; i--) bytes[upTo(bytes.length)] = upTo(256);
  return bytes;
}

/** Words for a command line: options, halves of them, and nonsense. */
function brokenArgs(seed: number): string[] {
  const random = seeded(~seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const words = [
    "--ini",
    "site.ini",
    "-",
    "--",
    "-s",
    "--=",
    "--x",
    "-",
    "x.ini",
    "=",
    "--ini=x.ini",
  ];
  return Array.from(
    { length: upTo(5) },
    () => random() < 0.5 ? words[upTo(words.length)] ?? "" : `--${names[upTo(names.length)]}`,
  );
}

Deno.test(`${INPUTS} broken configurations are read or refused, and nothing else`, async () => {
  let read = 0;
  for (let seed = 1; seed <= INPUTS; seed++) {
    const files = { "/srv/site.ini": broken(seed), "/srv/x.ini": generateIni(seed ^ 0xffff) };
    const args = ["--ini", "site.ini", ...brokenArgs(seed)];
    try {
      await loadConfig(args, fakeHost({ files, stdin: "[uwsgi]\na = 1\n" }));
      read += 1;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(`seed ${seed}`, { cause: error });
      assert(error.problems.length > 0 && error.message.length < 200_000, `seed ${seed}`);
    }
  }
  assert(read > 0, "all of them were refused: this reads nothing");
});
