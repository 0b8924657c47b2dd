/** What an operator may do to a running program besides ending runs. */

import { join } from "@std/path";
import { withApp } from "../support/app.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { varsOf } from "../support/store.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";

// What the program opens in this process ends with the process, libraries of the system above all.
const whole = { sanitizeOps: false, sanitizeResources: false };

const ONE = "uwsgi_spoolfile_on_h_1_1_1_1";

testWith(
  "libc",
  "retry, remove, pause, resume, push and run-job, each logged with who did it",
  async () => {
    await using site = await makeSite(
      "spooler = other",
      'spooler-task = test -n "$SPOOL_GOOD" || exit 100',
      'cron2 = when="0 3 * * *",name=nightly touch nightly',
    );
    await withApp(site.ini, async (snapshot, events, { actions }) => {
      const settled = () => events.filter(({ type }) => type === "task.settled").length;
      const spool = "spool";
      await writeTask(site.spool, ONE, { a: "b" });
      await until(() => settled() === 1, "a task that fails");

      const failed = { spool, id: ONE, place: "failed" } as const;
      assertEquals(await actions.pause("ann", site.spool), "changed");
      assertEquals(await actions.pause("ann", spool), "unchanged");
      assertEquals(await actions.pause("ann", "nosuch"), "unknown");
      assertEquals(await actions.retry("ann", failed), { kind: "changed", was: "failed" });
      assertEquals(await actions.retry("ann", failed), { kind: "gone" });
      const ready = { spool, id: ONE, place: "queue" } as const;
      await until(
        async () => (await snapshot()).spools[0]?.counts?.ready === 1,
        "the retried task",
      );
      assertEquals(await actions.remove("ben", ready), { kind: "changed", was: "ready" });
      assertEquals((await actions.remove("ben", { ...ready, id: "../x" })).kind, "refused");
      assertEquals((await actions.remove("ben", { ...ready, spool: "nosuch" })).kind, "gone");
      assertEquals(await actions.resume("ben", spool), "changed");

      const pushed = await actions.push(
        "cleo",
        { vars: varsOf({ good: "1", spooler: join(site.dir, "other") }) },
      );
      assertEquals([pushed.kind, pushed.kind === "accepted" && pushed.spool], [
        "accepted",
        "other",
      ]);
      await until(() => settled() === 2, "the pushed task");
      const refused = await actions.push("cleo", { vars: varsOf({ good: "1", at: "soon" }) });
      assertMatch(refused.kind === "refused" ? refused.reason : "", /at needs seconds/);

      await until(() => actions.runJob("dee", "nightly").kind === "started", "the schedules");
      assertEquals(actions.runJob("dee", "nosuch"), { kind: "unknown" });
      await until(() => events.some(({ type }) => type === "job.ended"), "the end of the job");

      const said = events.flatMap((each) =>
        each.type === "operator.acted" ? [`${each.by}: ${each.text}`] : []
      );
      const task = pushed.kind === "accepted"
        ? pushed.task?.name.replace("uwsgi_spoolfile_on_", "")
        : "";
      assertEquals(said, [
        "ann: paused spool spool",
        "ann: retried task h_1_1_1_1 of spool, which was failed",
        "ben: removed task h_1_1_1_1 of spool, which was ready",
        "ben: resumed spool spool",
        `cleo: added task ${task} to other`,
        "dee: started job nightly",
      ]);
    });
  },
  whole,
);
