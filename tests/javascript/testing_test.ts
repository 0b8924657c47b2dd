import { task } from "spooler/client";
import { registered, runTask, uwsgi } from "spooler/testing";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("a module that uses uwsgi can be imported, and a function of it run", async () => {
  const { send_mail, count_bytes, default: rest } = await import(
    "../../examples/typescript-tasks/tasks.ts"
  );
  const [heartbeat] = registered();
  assertEquals([heartbeat?.kind, heartbeat?.when, heartbeat?.handler.name], [
    ...["timer", [60], "heartbeat"],
  ]);
  const sent = await runTask(send_mail, { to: "ann@example.org" });
  assertEquals([sent.result, sent.spooled.map(({ ud_spool_func, to }) => [ud_spool_func, to])], [
    ...["done", [["remind", "ann@example.org"]]],
  ]);
  const nobody = await runTask(send_mail);
  assertEquals(nobody.result, "permanent");
  assert(nobody.error instanceof uwsgi.Permanent);
  assertEquals((await runTask(count_bytes, {}, { body: "abc" })).result, "done");
  assertEquals((await runTask(rest, { ud_spool_func: "x" })).result, "ignored");
});

Deno.test("a function gets what a worker would give it, and what it says is kept", async () => {
  const report = task<{ month: number }>("report");
  const run = await runTask(
    report.handler<Parameters<Parameters<typeof runTask>[0]>[2]>(({ month }, context, body) => {
      context.log("month", month, { body: body.length }, context.attempt);
      uwsgi.log("also");
      context.progress(1, 2, "half");
      return -1;
    }),
    { month: 12 },
    { body: new Uint8Array(3), attempt: 2 },
  );
  assertEquals(run, {
    result: "retry",
    log: ["month 12 { body: 3 } 2", "also"],
    spooled: [],
    progress: [{ done: 1, total: 2, text: "half" }],
  });
  const error = new Error("no");
  const failed = await runTask(() => Promise.reject(error));
  assertEquals([failed.result, failed.error], ["failed", error]);
});

Deno.test("progress is checked as in a worker, and what comes after the end is nobody's", async () => {
  let late: () => void = () => {};
  const wrong = await runTask((_vars, _body, { progress }) => progress(NaN));
  assertEquals(wrong.result, "failed");
  assert(wrong.error instanceof TypeError);
  const run = await runTask((_vars, _body, { progress }) => {
    progress(1);
    late = () => progress(2);
  });
  late();
  assertEquals(run.progress, [{ done: 1 }]);
});
