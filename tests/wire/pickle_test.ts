/** What is taken for a pickle: all that runs something when it is loaded, and no plain data. */

import { isPickle, PickleScanner } from "../../src/wire/pickle.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { seededRandom } from "../support/random.ts";
import { testPython, testWith } from "../support/require.ts";

/** Values of a long run: `deno task test:pickles`. */
const VALUES = Number(Deno.env.get("SPOOLER_PICKLE_VALUES") ?? 50_000);

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Each would have a function run, or something imported changed. */
const RUNS = [
  "cos\nsystem\n(S'id'\ntR.",
  "cos\nsystem\n(S'id'\ntR",
  "cos\nsystem\n(S'id'\ntRand more, which no loader reads",
  "(S'id'\nios\nsystem\n.",
  "(ios\nsystem\n",
  "(cos\nsystem\nS'id'\no.",
  "(K\x01cos\nsystem\np5\n0g5\n)R",
  "cos\nenviron\nS'PATH'\nS'/tmp'\ns.",
  "cos\nenviron\n(S'PATH'\nS'/tmp'\nu",
  "cmodule\nLIST\nNa",
  "cmodule\nLIST\n(Ne",
  "cmodule\nfunction\n}b",
  "\x80\x02cos\nsystem\n",
  "\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.",
  "\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
  "\x80\x02\x82\x01)R.",
  "cos\nsystem\n)\x81.",
  "I5\0 not a number\n0cos\nsystem\n)R.",
  "I\n0cos\nsystem\n)R.",
  `I${"0".repeat(10_000)}\n0cos\nsystem\n)R.`,
  `cos\nsystem\np${"0".repeat(10_000)}7\n0g7\n)R.`,
  "Np1_0\n0cos\nsystem\np+7\n0g7\n)R.",
];

/** What Python's pickle.dumps writes of (1, "two") and the like, protocols 0 and 1 among them. */
const DUMPED = [
  "(I1\nVtwo\np0\ntp1\n.",
  "(dp0\nVa\np1\nI1\ns.",
  "(lp0\n.",
  "(K\x01X\x03\0\0\0twoq\0tq\x01.",
  "}q\0X\x01\0\0\0aq\x01K\x01s.",
  "\x80\x02N.",
  "\x80\x03K\x01X\x03\0\0\0twoq\0\x86q\x01.",
  "\x80\x04\x95\x0b\0\0\0\0\0\0\0K\x01\x8c\x03two\x94\x86\x94.",
  "\x80\x05}\x94.",
  "\x80\x04}.",
  "(t.",
  "(d.",
  "cos\nsystem\n.",
];

const PLAIN = [
  ...[
    "",
    ".",
    "N.",
    "Mr.",
    ").",
    "a.",
    "I5\n.",
    "(.",
    "5",
    "-1",
    "1795706602",
    "true",
    "null",
    "x",
  ],
  ...[
    "cat\n",
    "cos\nsystem\n",
    "cos\nsystem",
    "cos\nsystem\n(S'id'\nt",
    "customer\norder\nitem\n.\n",
  ],
  ...["Very good.\n", "See (1).", "(see above).", "(I think so.", "{}", "[]", "{ }.", '{"a": 1}.'],
  ...[
    "Stop.",
    "S'text'\n",
    "Name: x\nIs: y.",
    "Kg.",
    "Test results: R.",
    "(important note)\nhere\n",
  ],
  ...[
    "--fast",
    "/srv/data/file.csv",
    "https://host/a?b=c.",
    "me@host.example",
    "Zürich.",
    "日本語。",
  ],
  ...[
    "\x80",
    "\x80\x04",
    "\x80\x09.",
    "\x80\x80.",
    "\x89PNG\r\n\x1a\n",
    "\x1f\x8b\x08\0.",
    "PK\x03\x04",
  ],
  ...["PNG.", "%PDF-1.7\n.", "RIFF....", "BM....", "GIF89a.", "\xff\xd8\xff\xe0.", "\0\0\0."],
  ...["N".repeat(300_000), "(".repeat(300_000), "\0".repeat(300_000), "N0".repeat(10)],
];

Deno.test("what runs something when it is loaded is a pickle", () => {
  for (const text of RUNS) assert(isPickle(latin1(text)), JSON.stringify(text.slice(0, 80)));
});

Deno.test("what pickle.dumps writes is a pickle", () => {
  for (const text of DUMPED) assert(isPickle(latin1(text)), JSON.stringify(text));
});

Deno.test("plain data is no pickle, words that end with a dot among it", () => {
  for (const text of PLAIN) {
    const bytes = text.charCodeAt(0) > 255 ? new TextEncoder().encode(text) : latin1(text);
    assert(!isPickle(bytes), JSON.stringify(text.slice(0, 80)));
  }
});

Deno.test("bytes that come in pieces are the same bytes", () => {
  for (const text of [...RUNS, ...DUMPED, ...PLAIN].filter(({ length }) => length < 200)) {
    const bytes = latin1(text);
    for (const size of [1, 2, 3, 7]) {
      const scanner = new PickleScanner();
      for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
      assertEquals(scanner.end(), isPickle(bytes), `${JSON.stringify(text)} by ${size}`);
    }
  }
});

Deno.test("megabytes of opcodes are decided upon at once", () => {
  for (const pattern of ["N0", "N(", "K0", "Np1\n", "]N2"]) {
    const bytes = latin1(pattern.repeat(1 << 20));
    const began = performance.now();
    isPickle(bytes);
    assert(performance.now() - began < 2000, pattern);
  }
});

/** Text, numbers, JSON, headers of files, random bytes; and what begins like a pickle and is not. */
function plainValue(random: () => number): Uint8Array {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const many = (make: () => string) => Array.from({ length: 1 + random() * 12 }, make).join("");
  const letter = () => String.fromCharCode(97 + random() * 26);
  const word = () => pick([letter, () => letter().toUpperCase()])() + many(letter);
  const makers: (() => string)[] = [
    () => many(() => `${word()} `).trim() + pick([".", "", "!", "\n", ".\n"]),
    () => many(() => `${word()}: ${word()}\n`) + pick(["", "."]),
    () => String(random() * 1e9) + pick(["", "."]),
    () => JSON.stringify({ [word()]: [word(), Math.floor(random() * 100)] }) + pick(["", "."]),
    () => many(() => String.fromCharCode(random() * 256)),
    () => many(() => String.fromCharCode(random() * 256)) + ".",
    // Begins like protocol 2 and later, and does not end with a dot.
    () => `\x80${String.fromCharCode(random() * 6)}${many(letter)}`,
    // A protocol that nobody knows.
    () => `\x80${String.fromCharCode(6 + random() * 250)}${many(letter)}.`,
    // Imports, and uses nothing of it.
    () => `c${word()}\n${word()}\n${pick(["", "x.", "#", "A"])}`,
    () => `(${word()}, ${word()}).`,
    () => `(${many(() => `${word()}, `)})`,
  ];
  return latin1(pick(makers)());
}

Deno.test("random and near-miss values are plain data", () => {
  const random = seededRandom(19);
  const wrong: string[] = [];
  for (let n = 0; n < VALUES; n++) {
    const value = plainValue(random);
    const isMarked = value[0] === 0x80 && (value[1] ?? 9) <= 5 && value.at(-1) === 0x2e;
    if (!isMarked && isPickle(value)) wrong.push(JSON.stringify(String.fromCharCode(...value)));
  }
  // A few random bytes are pickles by chance: "(d." is what Python reads as {}.
  assert(wrong.length <= VALUES / 100_000, wrong.join("\n"));
});

/**
 * Mutates real pickles, and says of each whether CPython's loader calls, makes or changes anything
 * that it imports. Names that are no names cannot be imported.
 */
const ORACLE = `
import io, pickle, random, re, resource, sys, collections, datetime
resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
count, seed = int(sys.argv[1]), int(sys.argv[2])
chance = random.Random(seed)
used = False
class Meta(type):
    def __setattr__(self, name, value):
        global used
        used = True
    def __setitem__(self, key, value):
        global used
        used = True
    def append(self, value):
        global used
        used = True
    extend = append
    add = append
class Spy(metaclass=Meta):
    def __new__(cls, *args, **kwargs):
        global used
        used = True
        return object.__new__(cls)
NAME = re.compile(r"[A-Za-z_][\\w.]*$")
class Loader(pickle.Unpickler):
    def find_class(self, module, name):
        if not NAME.match(module) or not NAME.match(name):
            raise ImportError(module)
        return Spy
class Thing:
    def __init__(self): self.x = 1
class Reduced:
    def __reduce__(self): return (print, ("x",), {"a": 1}, iter([1, 2]), iter([(1, 2)]))
values = [(), {}, (1, "two"), {"a": [1, 2.5, None, True]}, Thing(), Reduced(), b"bytes", "text",
          {1, 2}, frozenset([3]), collections.OrderedDict(a=1), datetime.date(2026, 1, 1), print,
          [Reduced(), Reduced()], 10 ** 40, -5, "ä" * 300]
corpus = [pickle.dumps(value, protocol) for value in values for protocol in range(6)]
opcodes = b"()01239FINGKLMJSTUVXabcdeghijlopqrstu]}.RBC\\x80\\x81\\x85\\x86\\x87\\x88\\x89\\x8c\\x8f\\x90\\x91\\x92\\x93\\x94\\x95"
for _ in range(count):
    data = bytearray(chance.choice(corpus))
    for _ in range(chance.choice([0, 1, 1, 2, 3, 6])):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0: data[at:at] = bytes([chance.choice(opcodes)])
        elif kind == 1: del data[at:at + chance.randrange(1, 4)]
        elif kind == 2: data[at:at] = chance.choice(corpus)[chance.randrange(3):][:chance.randrange(1, 30)]
        elif kind == 3 and at < len(data): data[at] = chance.choice(opcodes)
        else: data += bytes(chance.choice(opcodes) for _ in range(3))
    used = False
    try:
        Loader(io.BytesIO(bytes(data))).load()
    except BaseException:
        pass
    print(bytes(data).hex() or "-", int(used))
`;

testWith("python", "whatever CPython's loader would run is seen", async () => {
  const count = Math.min(VALUES, 200_000) / 5;
  const { stdout, stderr, success } = await new Deno.Command(testPython, {
    args: ["-c", ORACLE, String(count), "7"],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertEquals(lines.length, count);
  let used = 0;
  for (const line of lines) {
    const [hex = "", runs] = line.split(" ");
    if (runs !== "1") continue;
    used++;
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
    assert(isPickle(bytes), `${hex} ${JSON.stringify(String.fromCharCode(...bytes))}`);
  }
  assert(used > count / 20, `${used} of ${count}`);
});
