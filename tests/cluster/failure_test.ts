import { failureOf, failureText, recordOf, type StreamFailure } from "../../src/cluster/failure.ts";
import { assert, assertEquals } from "../support/assert.ts";

const FAILURE: StreamFailure = {
  ...{ reason: "exit code 1", attempt: 4, failedAt: 4000, sequence: 7 },
  attempts: {
    ...{ failures: 4, firstFailureAt: 1000, lastFailureAt: 4000, reason: "exit code 1" },
    stderr: "no ink\n",
  },
};

function messageWith(header: string) {
  const message = { sequence: 1, subject: "jobs_failed.a", storedAt: 5000 };
  return { ...message, data: new Uint8Array(0), header: () => header };
}

Deno.test("what is known of a task's failures survives its header", () => {
  const text = failureText(FAILURE, 10_000);
  const read = failureOf(messageWith(text));
  assertEquals(read, FAILURE);
  assertEquals(read && recordOf(read).attempts, FAILURE.attempts);
});

Deno.test("a header without the failed runs, as earlier programs wrote it, counts them", () => {
  const { attempts: _, ...earlier } = FAILURE;
  const read = failureOf(messageWith(JSON.stringify(earlier)));
  assertEquals(read?.attempts, null);
  const record = read && recordOf(read);
  assertEquals([record?.attempts?.failures, record?.attempts?.stderr], [4, ""]);
});

Deno.test("the end of a long error output is kept, as much of it as the header has room for", () => {
  const { attempts } = FAILURE;
  assert(attempts !== null);
  const stderr = `${"😀".repeat(1000)}the end`;
  const text = failureText({ ...FAILURE, attempts: { ...attempts, stderr } }, 1000);
  assert(new TextEncoder().encode(text).length <= 1000);
  const kept = failureOf(messageWith(text))?.attempts?.stderr ?? "";
  assert(kept.length > 100 && stderr.endsWith(kept), kept);
  assert(!/^[\uDC00-\uDFFF]/.test(kept), "it begins with a whole character");
});
