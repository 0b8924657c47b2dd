/** A task whose name would act on a terminal, wherever it is shown; and a browser can act on it. */

import { programLabel, spooler } from "../support/program.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { until } from "../support/until.ts";
import { TASK_PREFIX } from "../../src/spool/layout.ts";

const LABEL = "h\x1b[2J\n\x9b%41_1_1_1_1";
const NAME = TASK_PREFIX + LABEL;
const SHOWN = "h\\x1b[2J\\x0a\\x9b%41_1_1_1_1";
/** A newline may end a line, but not within the name. */
// deno-lint-ignore no-control-regex
const ACTS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]|2J\n/;

testWith("libc", `${programLabel}: a name with control characters is shown escaped`, async () => {
  await using site = await makeSite(
    ...["spooler-task = name=slow sleep 600", "http-socket = 127.0.0.1:0", "stats = 127.0.0.1:0"],
  );
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  await writeTask(site.spool, NAME, { ud_spool_func: "slow" });
  await program.line(/ slow .* started/);
  const dir = ["--dir", site.spool];
  const said = async (...args: string[]) => {
    const { stdout, stderr } = await spooler(args);
    assert(!ACTS.test(stdout + stderr), JSON.stringify([args, stdout, stderr]));
    return stdout + stderr;
  };
  const got = async (path: string) => {
    const text = await (await fetch(`http://${address}/${path}`)).text();
    assert(!ACTS.test(text), JSON.stringify([path, text]));
    return text;
  };
  const json = JSON.stringify(NAME).replaceAll("\x9b", "\\u009b").slice(1, -1);
  for (const command of ["list", "status"]) {
    assertStringIncludes(await said(command, ...dir), SHOWN);
    assertStringIncludes(await said(command, "--json", ...dir), json);
  }
  assertStringIncludes(await said("show", LABEL, ...dir), SHOWN);
  assertStringIncludes(await said("show", LABEL, "--json", ...dir), json);
  await said("complete", "--", "show", ...dir, "h");
  const label = SHOWN.replaceAll("'", "&#39;");
  for (const path of ["", "tasks", `tasks/spool/${encodeURIComponent(NAME)}`]) {
    assertStringIncludes(await got(path), label, path);
  }
  for (const path of ["api/overview", "api/tasks"]) {
    assertStringIncludes(await got(path), json, path);
  }
  await got("metrics");

  const { token } = JSON.parse(await got("api/token"));
  const act = async (verb: string) => {
    // As a browser would: the value of the box that stands at the task.
    const boxes = [...(await got("tasks")).matchAll(/name="task"[^>]* value="([^"]*)"/g)];
    const value = boxes.map(([, each = ""]) => each).find((each) => each.includes("%1B"));
    const response = await fetch(`http://${address}/api/tasks`, {
      method: "POST",
      headers: { "x-spooler-token": token, "content-type": "application/json" },
      body: JSON.stringify({ do: verb, task: [value] }),
    });
    const { text, problems } = await response.json();
    assertEquals([response.status, problems ?? []], [200, []]);
    return text;
  };
  assertEquals(await act("kill"), "1 task ended.");
  assertEquals(await act("remove"), "1 task removed.");
  await until(async () => (await got("history")).includes(label), "its run in the history");
  assertStringIncludes(await got(`tasks/spool/${encodeURIComponent(NAME)}`), label);
  await got("api/history");
  assertStringIncludes(await said("show", LABEL, ...dir), SHOWN);
  await said("wait", LABEL, ...dir);
  await said("log", LABEL, ...dir);
  await said("kill", LABEL, ...dir);
  await said("retry", LABEL, ...dir);
  assert(!ACTS.test(program.log), program.log);
  await program.stop();
});
