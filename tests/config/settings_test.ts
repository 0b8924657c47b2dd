import { parseSettings } from "../../src/config/settings.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const parse = (text: string) => {
  const { values, rest } = parseSettings(text, ["minute", "name", "on-failure"]);
  return [Object.fromEntries(values), rest];
};

Deno.test("settings are the first word, the command is the rest", () => {
  assertEquals(parse("minute=5,name=a  ./x  y=z"), [{ minute: "5", name: "a" }, "./x  y=z"]);
  assertEquals(parse("minute=5"), [{ minute: "5" }, ""]);
  assertEquals(parse("minute=,name=a x"), [{ minute: "", name: "a" }, "x"]);
});

Deno.test("blanks of all kinds around = and , mean nothing", () => {
  const plain = [{ minute: "5", name: "a" }, "./x  y = z"];
  for (const blank of [" ", "\t", " \t ", "\u00a0", "\v\f"]) {
    for (const equals of ["=", `${blank}=`, `=${blank}`, `${blank}=${blank}`]) {
      for (const comma of [",", `${blank},`, `,${blank}`, `${blank},${blank}`]) {
        const line = `minute${equals}5${comma}name${equals}a ./x  y = z`;
        assertEquals(parse(line), plain, JSON.stringify(line));
      }
    }
  }
  assertEquals(parse("minute=5 ./x , y"), [{ minute: "5" }, "./x , y"]);
  assertEquals(parse("on-failure = ./y ./x"), [{ "on-failure": "./y" }, "./x"]);
  assertEquals(parse('on-failure="" ./x'), [{ "on-failure": "" }, "./x"]);
});

Deno.test("a line without settings is a command", () => {
  assertEquals(parse("./x a=b"), [{}, "./x a=b"]);
  assertEquals(parse("FOO=bar ./x"), [{}, "FOO=bar ./x"]);
});

Deno.test("a value in quotes may hold commas and blanks", () => {
  assertEquals(parse(`minute="0,30",on-failure='mail "root"' ./x`), [
    { minute: "0,30", "on-failure": 'mail "root"' },
    "./x",
  ]);
});

const REFUSED: [string, string][] = [
  ["minute=0,30 x", 'minute="…,30"'],
  ["minute=0, x", 'minute="…,x"'],
  ["minute=0 , 30 x", 'minute="…,30"'],
  ["minute=0,\t", "a comma behind minute= and no key"],
  ["minute=0,on-failure= ./x", "a blank behind on-failure="],
  ["hours=3 x", "takes minute, name, on-failure, not hours="],
  ["minute=1,minute=2 x", "minute= twice"],
  ['minute="0,30 x', "a quote in minute="],
  ['minute="0"30 x', "a quote in minute="],
];

for (const [text, part] of REFUSED) {
  Deno.test(`"${text}" is refused`, () => {
    assertThrows(() => parse(text), SyntaxError, part);
  });
}
