/** What ran and what it printed, while it runs and afterwards. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { testWith } from "../support/require.ts";
import { makeSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const NAME = "uwsgi_spoolfile_on_h_1_1_1_1700000000_000001";

Deno.test("the output of a running task comes line by line, and is there when it is done", async () => {
  await using site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "spooler-output = all", "env = API_TOKEN=topsecret1"],
    'spooler-task = echo "<b>one</b>"; echo topsecret1 >&2; until test -e go; do sleep 0.05; done; echo two',
  );
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  await writeTask(site.spool, NAME, { ud_spool_func: "say" });
  await program.line(/<b>one/);
  const response = await fetch(`http://${address}/output/spool/${NAME}`);
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let got = "";
  const until = async (text: string) => {
    while (!got.includes(text)) {
      const { value, done } = await reader?.read() ?? { done: true };
      if (done) throw new Error(got);
      got += value;
    }
  };
  await until('"text":"********"');
  assert(got.includes('"stream":"stdout","text":"<b>one</b>"'), got);
  const page = async (path: string) => await (await fetch(`http://${address}/${path}`)).text();
  assert((await page(`tasks/spool/${NAME}`)).includes("&lt;b&gt;one&lt;/b&gt;"));
  await Deno.writeTextFile(`${site.dir}/go`, "");
  await until("event: end");
  assert(got.includes('"text":"two"') && !got.includes("topsecret"), got);
  await reader?.cancel();
  const past = await page(`tasks/spool/${NAME}`);
  assert(/&lt;b&gt;one[^]*two/.test(past) && !past.includes("topsecret"), past);
  const { runs } = JSON.parse(await page("api/history?func=say"));
  assertEquals([runs.length, runs[0].name, runs[0].fate], [1, NAME, "done"]);
});

Deno.test("the history of jobs is read through one open directory, however often a page shows it", async () => {
  await using site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "cron-state = jobs/state.json"],
    "cron = 0 0 1 1 -1 true",
  );
  await Deno.mkdir(`${site.dir}/jobs`);
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const openCount = () =>
    [...Deno.readDirSync(`/proc/${program.pid}/fd`)].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${program.pid}/fd/${name}`) === `${site.dir}/jobs`;
      } catch {
        // It was open for a moment.
        return false;
      }
    }).length;
  const shown = async () => {
    const response = await fetch(`http://${address}/api/history`);
    await response.body?.cancel();
    assertEquals(response.status, 200);
    return openCount();
  };
  const once = await shown();
  for (let visit = 0; visit < 5; visit++) assertEquals(await shown(), once);
});

testWith(
  "libc",
  "why a run failed is shown without what has the form of a secret, in JSON, too",
  async () => {
    await using site = await makeSite(
      ...["http-socket = 127.0.0.1:0", "spooler-import = tasks.mjs", "spooler-retry-delay = 3600"],
    );
    const code = 'export function say() { throw new Error("cannot: sync --password hunter22"); }';
    await Deno.writeTextFile(`${site.dir}/tasks.mjs`, code);
    await using program = await site.start();
    const address = await monitorAddress(program, "http");
    await writeTask(site.spool, NAME, { ud_spool_func: "say" });
    await program.line(/ deferred until /);
    const text = async (path: string) => await (await fetch(`http://${address}/${path}`)).text();
    while (JSON.parse(await text("api/history")).runs.length === 0);
    for (
      const path of ["api/history", "history", `api/tasks/spool/${NAME}`, `tasks/spool/${NAME}`]
    ) {
      const shown = await text(path);
      assertMatch(shown, /--password \*{8}/, path);
      assert(!shown.includes("hunter22"), `${path}: ${shown}`);
    }
    await Deno.remove(`${site.spool}/${NAME}`);
    const gone = await text(`api/tasks/spool/${NAME}`);
    assertMatch(gone, /"state":"gone".*--password \*{8}/);
  },
);
