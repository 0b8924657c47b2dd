/** What ran and what it printed, while it runs and afterwards. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { testWith } from "../support/require.ts";
import { descriptors } from "../support/hostile.ts";
import { type Program, spooler } from "../support/program.ts";
import { until } from "../support/until.ts";
import { makeSite, rewriteSite } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

const NAME = "uwsgi_spoolfile_on_h_1_1_1_1700000000_000001";

/** Server-sent events as they come. */
class SseReader {
  #got = "";
  readonly #reader: ReadableStreamDefaultReader<string> | undefined;

  constructor({ body }: Response) {
    this.#reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** All that has come, when that is among it. */
  async until(text: string): Promise<string> {
    while (!this.#got.includes(text)) {
      const { value, done } = await this.#reader?.read() ?? { done: true };
      if (done) throw new Error(`no ${text} in ${this.#got}`);
      this.#got += value;
    }
    return this.#got;
  }

  async cancel(): Promise<void> {
    await this.#reader?.cancel();
  }
}

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
  const lines = new SseReader(response);
  const begun = await lines.until('"text":"********"');
  assert(begun.includes('"stream":"stdout","text":"<b>one</b>"'), begun);
  const page = async (path: string) => await (await fetch(`http://${address}/${path}`)).text();
  assert((await page(`tasks/spool/${NAME}`)).includes("&lt;b&gt;one&lt;/b&gt;"));
  await Deno.writeTextFile(`${site.dir}/go`, "");
  const got = await lines.until("event: end");
  assert(got.includes('"text":"two"') && !got.includes("topsecret"), got);
  await lines.cancel();
  const past = await page(`tasks/spool/${NAME}`);
  assert(/&lt;b&gt;one[^]*two/.test(past) && !past.includes("topsecret"), past);
  const { runs } = JSON.parse(await page("api/history?function=say"));
  assertEquals([runs.length, runs[0].name, runs[0].fate], [1, NAME, "done"]);
});

/** How often a program has a directory open. */
function openCount({ pid }: Program, dir: string): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`) === dir;
    } catch {
      // It was open for a moment.
      return false;
    }
  }).length;
}

Deno.test("a job has a page with its last runs and their output, live while it runs", async () => {
  await using site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "spooler-output = all", "env = API_TOKEN=topsecret1"],
    'timer2 = every=1h,name=nightly echo "<b>one</b> $API_TOKEN"; until test -e go; do sleep 0.05; done; echo two',
  );
  await using program = await site.start();
  const base = `http://${await monitorAddress(program, "http")}`;
  const text = async (path: string) => await (await fetch(`${base}/${path}`)).text();
  assertMatch(await text("schedules"), /<a href="\/schedules\/nightly"><b>nightly<\/b>/);
  assertMatch(await text("schedules/nightly"), /No run of it is known/);
  const { token } = JSON.parse(await text("api/token"));
  const run = await fetch(`${base}/api/schedules`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-spooler-token": token },
    body: JSON.stringify({ do: "run", job: "nightly" }),
  });
  assertEquals((await run.json()).text, "1 job started.");
  await program.line(/nightly\| <b>one/);
  const response = await fetch(`${base}/job-output/nightly`);
  const lines = new SseReader(response);
  await lines.until('"text":"<b>one</b> ********"');
  assertMatch(
    await text("schedules/nightly"),
    /data-stream="\/job-output\/nightly"[^]*&lt;b&gt;one/,
  );
  await Deno.writeTextFile(`${site.dir}/go`, "");
  const got = await lines.until("event: end");
  await lines.cancel();
  assert(got.includes('"text":"two"'), got);
  const page = await text("schedules/nightly");
  assertMatch(page, /&lt;b&gt;one&lt;\/b&gt; \*{8}[^]*two/);
  const { runs } = JSON.parse(await text("api/schedules/nightly"));
  assertEquals([runs.length, runs[0].ok, runs[0].output.lines], [1, true, 2]);
  assert(!`${got}${page}`.includes("topsecret1"));
  for (const path of ["schedules/other", "job-output/other", "schedules/nightly/x"]) {
    const { status, body } = await fetch(`${base}/${path}`);
    await body?.cancel();
    assertEquals(status, 404, path);
  }
});

testWith(
  "libc",
  "a reload with another cron-state lets go of the history of the old one",
  async () => {
    const states = (name: string) => [`cron-state = ${name}/state.json`, "cron = 0 0 1 1 -1 true"];
    await using site = await makeSite(...states("old"));
    for (const name of ["old", "new"]) await Deno.mkdir(`${site.dir}/${name}`);
    await using program = await site.start();
    assert(openCount(program, `${site.dir}/old`) > 0);
    await rewriteSite(site, ...states("new"));
    program.signal("SIGHUP");
    await until(() => openCount(program, `${site.dir}/new`) > 0, "the new one is open");
    await until(() => openCount(program, `${site.dir}/old`) === 0, "the old one is closed");
  },
);

testWith("libc", "100 readers of one output get all of it, and leave nothing open", async () => {
  await using site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "spooler-output = all"],
    "spooler-task = until test -e go; do sleep 0.05; done; seq 1 500; until test -e end; do sleep 0.05; done",
  );
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  await writeTask(site.spool, NAME, { ud_spool_func: "say" });
  await program.line(/say .* started/);
  const before = descriptors(program);
  const readers = await Promise.all(Array.from({ length: 100 }, async () => {
    const response = await fetch(`http://${address}/output/spool/${NAME}`);
    return response.body?.pipeThrough(new TextDecoderStream()) ?? new ReadableStream();
  }));
  assert(descriptors(program) >= before + 100);
  await Deno.writeTextFile(`${site.dir}/go`, "");
  const ended = readers.map(async (reader) => {
    let text = "";
    for await (const piece of reader) text += piece;
    return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  });
  await Deno.writeTextFile(`${site.dir}/end`, "");
  const all = Array.from({ length: 500 }, (_, at) => at + 1);
  for (const numbers of await Promise.all(ended)) assertEquals(`${numbers}`, `${all}`);
  await until(() => descriptors(program) <= before, "all are closed");
});

Deno.test("the history of jobs is read through one open directory, however often a page shows it", async () => {
  await using site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "cron-state = jobs/state.json"],
    "cron = 0 0 1 1 -1 true",
  );
  await Deno.mkdir(`${site.dir}/jobs`);
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const shown = async () => {
    const response = await fetch(`http://${address}/api/history`);
    await response.body?.cancel();
    assertEquals(response.status, 200);
    return openCount(program, `${site.dir}/jobs`);
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

testWith(
  "libc",
  "the pages of the history have each run once, a long one among short ones",
  async () => {
    await using site = await makeSite("http-socket = 127.0.0.1:0");
    const start = Date.now() - 100_000;
    const entry = (number: number | string, startedAt: number, tookMs: number) =>
      JSON.stringify({
        ...{
          name: `uwsgi_spoolfile_on_h_1_${number}_1_1`,
          func: "f",
          attempt: 1,
          startedAt,
          tookMs,
        },
        ...{ waitMs: 0, fate: "done", dueAt: null, reason: null, output: null },
      });
    // Two of each time; the first of all to start is the last to end.
    const short = Array.from({ length: 40 }, (_, at) => entry(at, start + 1000 * (at >> 1), 5));
    const long = entry(40, start - 1000, 90_000);
    const lines = [...short, long, entry("\udcff", start - 2000, 91_000), ""];
    await Deno.mkdir(`${site.spool}/.spooler/history`, { recursive: true });
    await Deno.writeTextFile(`${site.spool}/.spooler/history/0000000001`, lines.join("\n"));
    await using program = await site.start();
    const address = await monitorAddress(program, "http");
    const names: string[] = [];
    const starts: string[] = [];
    for (let before: number | null = start + 1e6; before !== null;) {
      const response: Response = await fetch(
        `http://${address}/api/history?limit=5&before=${before}`,
      );
      const page: { runs: { name: string; startedAt: string }[]; before: number | null } =
        await response
          .json();
      for (const { name, startedAt } of page.runs) {
        names.push(name);
        starts.push(startedAt);
      }
      before = page.before;
    }
    assertEquals([names.length, new Set(names).size], [42, 42]);
    assertEquals(starts, starts.toSorted().toReversed());
    // What is no UTF-8 is found as it is shown.
    const shown = "uwsgi_spoolfile_on_h_1_\\xff_1_1";
    const past = await fetch(`http://${address}/tasks/spool/${encodeURIComponent(shown)}`);
    assertMatch(await past.text(), /<h1>h_1_\\xff_1_1 /);
    const { code, stdout } = await spooler(["show", `${site.spool}/${shown}`]);
    assertEquals(code, 0);
    assertMatch(stdout, /^state +done at /m);
  },
);
