import { maskedJsonLines } from "../../src/cli/output.ts";
import { jsonLine } from "../../src/report/safe_text.ts";
import { Secrets } from "../../src/report/secrets.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { seededRandom } from "../support/random.ts";

/** Of these the texts are made: secrets, beginnings and ends of secrets, and what JSON escapes. */
const PARTS = [
  ...["API_TOKEN=", "abc", "hunter2", 'say "hunter3" twice', " --password ", "\n--password ", "\t"],
  ...[
    "curl -u bob:",
    "https://u:",
    "p@h/",
    "Authorization: Bearer ",
    '"',
    "\\",
    "\u202e",
    "ü",
    ",",
  ],
];

Deno.test("many lines of JSON have the same hidden as each by itself", () => {
  const secrets = new Secrets();
  secrets.learn("a-secret", "hunter2");
  secrets.learn("a-secret", 'say "hunter3" twice');
  const mask = (text: string) => secrets.mask(text);
  const random = seededRandom(7);
  const part = () => PARTS[Math.floor(random() * PARTS.length)] ?? "";
  let hidden = 0;
  for (let round = 0; round < 3000; round++) {
    const values = Array.from({ length: 1 + round % 3 }, () => ({
      name: Array.from({ length: Math.floor(4 * random()) }, part).join(""),
      size: 1,
      function: part(),
      waitsFor: random() < 0.1 ? [part() + part()] : [],
      lastError: null,
    }));
    const expected = values.map((value) => jsonLine(value, mask)).join("\n");
    assertEquals(maskedJsonLines(values, mask), expected);
    if (expected.includes("********")) hidden++;
  }
  assert(hidden > 100 && hidden < 2900);
});
