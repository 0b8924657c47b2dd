/** What is written for a crontab can be loaded, whatever it has in it, and means the same to a shell. */

import { loadConfig } from "../../src/config/load.ts";
import { importCrontab } from "../../src/schedule/crontab.ts";
import { decodeCrontab, encodeCrontab } from "../../src/schedule/crontab_bytes.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { fakeHost } from "../support/config_host.ts";
import { seededRandom } from "../support/random.ts";

const isAccount = (name: string) => name === "root";
const isDirectory = (path: string) => path === "/srv" || path === "/etc";

interface Loaded {
  readonly text: string;
  readonly leftOut: number;
  readonly jobs: Awaited<ReturnType<typeof loadConfig>>["config"]["schedules"];
  readonly env: Readonly<Record<string, string | null>>;
}

/** Through the very readers of the program; environment variables of these names must not be filled in. */
async function load(
  crontab: string | Uint8Array,
  format: "user" | "system" = "user",
): Promise<Loaded> {
  const bytes = typeof crontab === "string" ? new TextEncoder().encode(crontab) : crontab;
  const { lines, leftOut } = importCrontab(decodeCrontab(bytes), {
    format,
    home: "/srv",
    isDirectory,
    isAccount,
  });
  const files = { "/srv/cron.ini": encodeCrontab(lines), "/etc/hostname": "filled-in\n" };
  const environment = { hostname: "filled in", X: "filled in" };
  const text = lines.join("\n");
  const { config } = await loadConfig("cron.ini", fakeHost({ files, environment })).catch(
    (error) => {
      throw new Error(`${error}\n${text}`);
    },
  );
  return {
    text,
    leftOut,
    jobs: config.schedules.toSorted((a, b) => a.place.line - b.place.line),
    env: config.env,
  };
}

/** What each job prints, run by the shell of the ini. */
async function printed(crontab: string | Uint8Array): Promise<string[]> {
  const { jobs, env, leftOut, text } = await load(crontab);
  assertEquals(leftOut, 0, text);
  const outputs: string[] = [];
  for (const { action } of jobs) {
    assert(action.kind === "command");
    const given = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value ?? ""]));
    const { stdout, stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", action.command],
      env: { ...given, LC_ALL: "C" },
      stdin: "null",
    }).output();
    const latin = (bytes: Uint8Array) =>
      [...bytes].map((byte) => String.fromCharCode(byte)).join("");
    assertEquals(latin(stderr), "", text);
    outputs.push(latin(stdout));
  }
  return outputs;
}

const PRINTED: readonly [what: string, crontab: string, output: string][] = [
  ["blanks at both ends", `BLANK=" a b "\n* * * * * printf '[\\%s]' "$BLANK"`, "[ a b ]"],
  ["@(", `AT=@(/etc/hostname)\n* * * * * printf '[\\%s]' "$AT"`, "[@(/etc/hostname)]"],
  ["@( in a command", `* * * * * printf '[\\%s]' '@(/etc/hostname)'`, "[@(/etc/hostname)]"],
  ["@( in double quotes", `* * * * * printf '[\\%s]' "@(/etc/hostname)"`, "[@(/etc/hostname)]"],
  ["$( of a variable", `DOLLAR=$(X)\n* * * * * printf '[\\%s]' "$DOLLAR"`, "[$(X)]"],
  ["$( of a command", `* * * * * hostname() { echo me; }; printf "[$(hostname)]"`, "[me]"],
  ["$( in quotes", `* * * * * printf '[\\%s]' '$(hostname)'`, "[$(hostname)]"],
  ["$( behind a backslash", `* * * * * printf "[\\$(hostname)]"`, "[$(hostname)]"],
  ["%( of an option", `P=%(cron)\n* * * * * printf '[\\%s]' "$P"`, "[%(cron)]"],
  ["%( of a format", `* * * * * printf '[\\%s]' '\\%(chdir) \\%(a b)'`, "[%(chdir) %(a b)]"],
  ["quotes of both kinds", `Q=o'b"c\n* * * * * printf '[\\%s]' "$Q"`, `[o'b"c]`],
  ["a semicolon and a hash", `S=;a#b\n* * * * * printf '[\\%s]' "$S" ; : # done`, "[;a#b]"],
  ["backslashes", `B=a\\b\\\\c\\\n* * * * * printf '[\\%s]' "$B"`, "[a\\b\\\\c\\]"],
  ["a backslash before a backslash", `* * * * * printf '[\\%s]' 'a\\\\b'`, "[a\\\\b]"],
  ["stdin with a comment", `* * * * * cat # it is%a%b`, "a\nb\n"],
  ["stdin with a backslash at the end", `* * * * * cat \\\\%a`, ""],
  ["stdin without a command", `* * * * * %a`, ""],
  ["nothing but a percent sign", `* * * * * %`, ""],
  ["a blank behind a backslash", `* * * * * printf '[\\%s]' a\\ `, "[a ]"],
  ["no ASCII", `U=grün 日本 😀\n* * * * * printf '[\\%s]' "$U"`, "[grün 日本 😀]"],
  ["a shell that changes", `* * * * * true\nSHELL=/bin/sh\nX=@(y)\n* * * * * printf "$X"`, "@(y)"],
  ["a HOME that is not there", `HOME=/tmp\n* * * * * pwd`, "/tmp\n"],
  ["a comment that ends in %", `# at 100%\n* * * * * printf here`, "here"],
  [
    "a comma in front",
    `A=1\n* * * * * true\nHOME=/etc\n* * * * * ,x 2> /dev/null || printf c`,
    "c",
  ],
];

for (const [what, crontab, output] of PRINTED) {
  Deno.test(`a crontab with ${what} means the same in an ini`, async () => {
    if (what.startsWith("stdin with a backslash")) return void await load(crontab);
    const bytes = [...new TextEncoder().encode(output)];
    const expected = bytes.map((byte) => String.fromCharCode(byte)).join("");
    assertEquals((await printed(crontab)).at(-1), expected);
  });
}

Deno.test("bytes that are no UTF-8 stay what they are", async () => {
  const latin = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
  const crontab = latin(
    "# gr\xfc\xdfe\nN=\xe4\xf6\n* * * * * printf '[\\%s]' \"$N\" 'caf\xe9'\n0 25 * * * \xff\n",
  );
  const { text, jobs, leftOut } = await load(crontab);
  assertEquals([jobs.length, leftOut], [1, 1], text);
  const { lines } = importCrontab(decodeCrontab(crontab), {
    format: "user",
    home: null,
    isDirectory,
    isAccount,
  });
  const bytes = encodeCrontab(lines);
  assertStringIncludes(
    [...bytes].map((byte) => String.fromCharCode(byte)).join(""),
    "# gr\xfc\xdfe",
  );
  const good = latin("N=\xe4\xf6\n* * * * * printf '[\\%s]' \"$N\" 'caf\xe9'\n");
  assertEquals(await printed(good), ["[\xe4\xf6][caf\xe9]"]);
});

Deno.test("MAILTO: several addresses, quotes, and none, between jobs and for all of them", async () => {
  const { jobs } = await load(
    [
      ...["MAILTO=a, b", "* * * * * one", "MAILTO=o'brien@example.org", "* * * * * two"],
      ...['MAILTO="c d"@x', "* * * * * three", 'MAILTO=""', "* * * * * four", "MAILTO=-oQ/tmp"],
      "* * * * * five",
    ].join("\n"),
  );
  const mail = 'mail -s "$SPOOLER_JOB: $SPOOLER_RESULT"';
  assertEquals(jobs.map(({ onFailure }) => onFailure), [
    `${mail} a b`,
    `${mail} o$(printf \\\\047)brien@example.org`,
    `${mail} \\"c d\\"@x`,
    null,
    null,
  ]);
  const shown = `mail() { shift 2; printf '[%s]' "$@"; }; ${jobs[1]?.onFailure}`;
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", shown] }).output();
  assertEquals(new TextDecoder().decode(stdout), "[o'brien@example.org]");
  const one = await load("MAILTO=o'brien@example.org,b\n* * * * * a\n");
  assertMatch(one.jobs[0]?.onFailure ?? "", /printf \\\\047\)brien@example\.org b$/);
});

Deno.test("what nobody can run becomes a comment, and is counted", async () => {
  const long = "x".repeat(200_000);
  for (
    const [crontab, format, part] of [
      [`* * * * * echo ${long}`, "user", "a job of"],
      [`V=${long}\n`, "user", "V has 200000 bytes"],
      ["* * * * * a\0b", "user", "NUL"],
      ["CRON_TZ=Mars/Base\n* * * * * a", "user", "CRON_TZ needs a time zone"],
      ["* * * * * a,b cmd", "system", 'names no account: "a,b"'],
      ["* * * * * bob cmd", "system", 'names no account of this machine: "bob"'],
    ] as const
  ) {
    const { text, leftOut, jobs } = await load(crontab, format);
    assertEquals([leftOut, jobs.length], [1, 0], text.slice(0, 1000));
    assertStringIncludes(text, "; NOT CONVERTED, line ".slice(0, 16));
    assertStringIncludes(text, part);
  }
  // A comment may be of any length: it is cut.
  assert((await load(`# ${"y".repeat(3 << 20)}%\n* * * * * a`)).jobs.length === 1);
});

/** Pieces that mean something to cron, to an ini, to a shell or to the settings of a line. */
const PIECES = [
  ...["%", "\\%", "%%", "%(", "$(", "@(", ")", "(X)", "$(X)", "@(/no/file)", "%(cron)", "%d", "%("],
  ...[
    "'",
    '"',
    "\\",
    ";",
    "#",
    ",",
    "=",
    " ",
    "\t",
    "\r",
    "~",
    "-",
    "/",
    "[",
    "]",
    "{",
    "}",
    "&",
    "|",
  ],
  ...[
    "a",
    "B",
    "7",
    "é",
    "日",
    "😀",
    "\x01",
    "\u00a0",
    "<<",
    "`",
    "$X",
    "*",
    "root",
    "user=",
    "on-failure='",
  ],
  ...["%(1 + 2)", "%(a b)", "$(hostname)", "@(@(x))", "UTC", "Europe/Berlin"],
];
const NAMES = ["A", "MAILTO", "HOME", "SHELL", "CRON_TZ", "TZ", "RANDOM_DELAY", "PATH", "MAILFROM"];
const TIMES = ["* * * * *", "0 1 * * *", "@daily", "@reboot", "-*/5 * * * *", "0 25 * * *"];

Deno.test("each ini that is written can be loaded", async () => {
  const random = seededRandom(16);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const words = () => Array.from({ length: Math.floor(random() * 9) }, () => pick(PIECES)).join("");
  const line = () => {
    const kind = random();
    if (kind < 0.45) return `${pick(NAMES)}=${random() < 0.3 ? `"${words()}"` : words()}`;
    if (kind < 0.9) return `${pick(TIMES)} ${random() < 0.5 ? "root " : ""}${words()}`;
    return kind < 0.95 ? `# ${words()}` : words();
  };
  for (let round = 0; round < 400; round++) {
    const lines = Array.from({ length: 1 + Math.floor(random() * 10) }, line);
    const format = random() < 0.3 ? "system" as const : "user" as const;
    const { jobs, leftOut, text } = await load(lines.join("\n"), format);
    const given = text.split("\n").filter((each) => /^cron2? = /.test(each)).length;
    // The same line twice is one job, which is warned of.
    assert(jobs.length <= given && (given === 0 || jobs.length > 0), text);
    assertEquals(text.match(/^; NOT CONVERTED/gm)?.length ?? 0, leftOut);
  }
});
