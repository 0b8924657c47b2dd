import { interpret } from "../../src/config/interpret.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { entriesOf } from "../support/entries.ts";

const read = (...lines: string[]) => interpret(entriesOf(lines), "/srv/site.ini");

Deno.test("a thousand runs are remembered, and no output", () => {
  assertEquals(read().config.history, {
    limit: { kind: "runs", count: 1000 },
    output: "none",
    outputMax: 65_536,
  });
});

Deno.test("a history is so many runs, the runs of so long, or off", () => {
  const limitOf = (text: string) => read(`spooler-history = ${text}`).config.history.limit;
  assertEquals(limitOf("10000"), { kind: "runs", count: 10_000 });
  assertEquals(limitOf("7d"), { kind: "time", ms: 7 * 86_400_000 });
  assertEquals(limitOf("0"), null);
});

Deno.test("a wrong value is an error that says what is right", () => {
  const wrong = {
    "spooler-history = -1": "needs a whole number ≥ 0",
    "spooler-history = 2000000": "takes 1000000 runs at most, or a duration",
    "spooler-history = 7 years": "needs a duration such as 500ms, 30s, 5m, 2h or 1d",
    "spooler-output = some": "takes all, failed or none",
    "spooler-output-max = 0": "takes a size from 1 to 16M",
    "spooler-output-max = 17M": "takes a size from 1 to 16M",
  };
  for (const [line, message] of Object.entries(wrong)) {
    assertThrows(() => read(line), ConfigError, message);
  }
});

Deno.test("output without a history to keep it in is a warning", () => {
  const warningsOf = (...lines: string[]) => read(...lines).warnings.map(({ message }) => message);
  assertEquals(warningsOf("spooler-history = 0", "spooler-output = all"), [
    'spooler-output keeps nothing, because spooler-history is 0: "all"',
  ]);
  assertEquals(warningsOf("spooler-history = 0", "spooler-output = none"), []);
});
