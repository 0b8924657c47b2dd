/** The tables of docs/retries.md say what the formula says. */

import { backoffMs, type RetryPolicy } from "../../src/task/backoff.ts";
import { assert } from "../support/assert.ts";

const PAGE = new URL("../../docs/retries.md", import.meta.url);

/** The rows of a table up to the first longest wait, and one for all that come after it. */
function tableOf({ delayMs, maxDelayMs }: Pick<RetryPolicy, "delayMs" | "maxDelayMs">): string[] {
  const policy = { delayMs, maxDelayMs, maxRetries: 0 };
  const wait = (failures: number, chance: number) => backoffMs(failures, policy, () => chance);
  const seconds = (ms: number) => `${ms / 1000} s`;
  const cells = (failures: number) => [0.5, 0, 1].map((chance) => seconds(wait(failures, chance)));
  const rows: string[] = [];
  let sinceMs = 0;
  let failures = 1;
  for (;; failures++) {
    rows.push([failures, ...cells(failures), seconds(sinceMs)].join(" | "));
    sinceMs += wait(failures, 0.5);
    if (wait(failures, 0.5) === maxDelayMs) break;
  }
  return [...rows, [`${failures + 1} and more`, ...cells(failures + 1), ""].join(" | ")];
}

for (const [delayMs, maxDelayMs] of [[30_000, 3_600_000], [5000, 60_000]] as const) {
  Deno.test(`the waits from ${delayMs} ms to ${maxDelayMs} ms are as the page has them`, async () => {
    const page = (await Deno.readTextFile(PAGE)).replaceAll(/ +/g, " ");
    const rows = tableOf({ delayMs, maxDelayMs }).map((row) => `| ${row} |`.replaceAll(/ +/g, " "));
    assert(page.includes(rows.join("\n")), `the page has not\n${rows.join("\n")}`);
  });
}
