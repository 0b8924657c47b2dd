/** What can be done over HTTP, who may, and which requests are not taken for theirs. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import type { Program } from "../support/program.ts";

const nameOf = (n: number) => `uwsgi_spoolfile_on_h_1_${n}_1_17000000${n}_000001`;

interface Api {
  readonly address: string;
  get(path: string): Promise<Record<string, unknown>>;
  post(
    path: string,
    value: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; value: Record<string, unknown> }>;
}

async function apiOf(program: Program, auth: Record<string, string> = {}): Promise<Api> {
  const address = await monitorAddress(program, "http");
  const get = async (path: string) => {
    const response = await fetch(`http://${address}/api/${path}`, { headers: auth });
    return await response.json();
  };
  const { token } = await get("token");
  return {
    ...{ address, get },
    async post(path, value, headers = {}) {
      const response = await fetch(`http://${address}/api/${path}`, {
        method: "POST",
        body: JSON.stringify(value),
        headers: {
          ...{ "content-type": "application/json", "x-spooler-token": String(token) },
          ...{ ...auth, ...headers },
        },
      });
      return { status: response.status, value: await response.json() };
    },
  };
}

async function failedSite(count: number, ...lines: string[]): Promise<Site> {
  const site = await makeSite("http-socket = 127.0.0.1:0", ...lines);
  for (let n = 10; n < 10 + count; n++) {
    await writeTask(`${site.spool}/failed`, nameOf(n), { ud_spool_func: n % 2 ? "odd" : "even" });
  }
  return site;
}

Deno.test("tasks are retried, removed and ended, by name and all that match", async () => {
  await using site = await failedSite(
    6,
    "spooler-task = name=slow sleep 1000",
    "spooler-task = true",
  );
  await using program = await site.start();
  const api = await apiOf(program);
  const retried = await api.post("tasks", { do: "retry", task: [`spool/failed/${nameOf(10)}`] });
  assertEquals([retried.status, retried.value.text], [200, "1 task retried."]);
  await program.line(/somebody over HTTP from 127\.0\.0\.1:\d+: retried task/);
  const question = await api.get("tasks/all?do=remove&state=failed&function=odd");
  assertEquals(question.count, "3");
  const removed = await api.post("tasks", {
    ...{ do: "remove", all: "yes", state: "failed", function: "odd" },
    ...{ count: question.count, before: question.before },
  });
  assertEquals(removed.value.text, "3 tasks removed.");
  const left = (await api.get("tasks?state=failed")).tasks as { name: string }[];
  assertEquals(left.map(({ name }) => name), [nameOf(14), nameOf(12)]);
  const pushed = await api.post("push", { function: "slow", vars: { a: "1", b: 2 }, body: "x" });
  assertEquals(pushed.status, 200);
  await program.line(/slow .* started/);
  const killed = await api.post("tasks", {
    do: "kill",
    all: "yes",
    state: "running",
    fate: "remove",
  });
  assertEquals(killed.value.text, "1 task ended.");
  const gone = await api.post("tasks", { do: "retry", task: [`spool/${nameOf(99)}`] });
  assertEquals([gone.status, gone.value.text], [409, "Not retried."]);
  for (
    const wrong of [{ do: "x" }, { do: "retry" }, { do: "remove", all: "yes" }, {
      do: "kill",
      all: "yes",
      state: "failed",
    }, []]
  ) {
    assertEquals((await api.post("tasks", wrong)).status, 400, JSON.stringify(wrong));
  }
});

Deno.test("spools are paused, jobs started, and tasks added as from a stranger", async () => {
  await using site = await failedSite(0, ...[
    "spooler-task = true",
    "cron2 = name=yearly,minute=1,hour=1,day=1,month=1 true",
  ], ...["spooler-shell = true", "spooler-allow-functions = ok"]);
  await using program = await site.start();
  const api = await apiOf(program);
  const pause = { do: "pause", spool: "spool" };
  assertEquals((await api.post("spools", pause)).value.text, "1 spool paused.");
  await program.line(/over HTTP from [\d.:]+ paused spool spool/);
  assertEquals((await api.post("spools", pause)).status, 409);
  assertEquals((await api.post("spools", { do: "resume", spool: "spool" })).status, 200);
  assertEquals(
    (await api.post("schedules", { do: "run", job: "yearly" })).value.text,
    "1 job started.",
  );
  await program.line(/job yearly done/);
  assertEquals((await api.post("schedules", { do: "run", job: "none" })).status, 404);
  assertEquals((await api.post("push", { function: "ok", at: "2099-01-01T00:00" })).status, 200);
  const pickle = "gASVCAAAAAAAAABLAUsChpQu";
  for (
    const [status, task] of [
      [403, { function: "spooler-shell", vars: { command: "id" } }],
      [403, { function: "other" }],
      [403, { function: "ok", bodyBase64: pickle }],
      [422, { function: "ok", vars: { "a=b": 1 }, priority: "9999" }],
      [422, { function: "ok", at: "soon" }],
      [422, { function: "ok", priority: "x" }],
      [404, { function: "ok", spool: "../x" }],
    ] as const
  ) {
    assertEquals((await api.post("push", task)).status, status, JSON.stringify(task));
  }
});

Deno.test("a request that the page of another site has sent is refused, whatever it knows", async () => {
  await using site = await failedSite(1, "spooler-task = true");
  await using program = await site.start();
  const api = await apiOf(program);
  const host = api.address;
  const retry = { do: "retry", task: `spool/failed/${nameOf(10)}` };
  for (
    const headers of [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "http://evil.example" },
      { origin: "null" },
      { "x-spooler-token": "" },
      { "x-spooler-token": "0".repeat(64) },
    ]
  ) assertEquals((await api.post("tasks", retry, headers)).status, 403, JSON.stringify(headers));
  const page = await (await fetch(`http://${host}/push`)).text();
  const token = /name="token" value="([0-9a-f]{64})"/.exec(page)?.[1] ?? "";
  const form = async (headers: Record<string, string>, fields: Record<string, string>) => {
    const body = new URLSearchParams({ ...retry, ...fields });
    const response = await fetch(`http://${host}/tasks`, {
      method: "POST",
      body,
      headers,
      redirect: "manual",
    });
    await response.body?.cancel();
    return response;
  };
  const own = { origin: `http://${host}` };
  for (
    const [headers, fields] of [
      [{}, { token }],
      [{ origin: "http://evil.example" }, { token }],
      [{ "sec-fetch-site": "same-site", ...own }, { token }],
      [own, {}],
      [own, { token: token.replace(/./, (char) => char === "0" ? "1" : "0") }],
    ] as const
  ) assertEquals((await form(headers, fields as Record<string, string>)).status, 403);
  for (
    const back of ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:0"]
  ) {
    // Retried or not: what counts is where it leads.
    const { status, headers } = await form(own, { token, back });
    assertEquals(status, 303);
    assertMatch(headers.get("location") ?? "", /^\/\?result=/);
  }
  const { status } = await form({ "sec-fetch-site": "same-origin" }, { token, back: "/tasks" });
  assertEquals(status, 303);
});

Deno.test("who may look may not act, and with spooler-http-readonly nobody may", async () => {
  for (
    const [line, pair] of [
      ["spooler-http-viewer = guest:@(pw)", "guest:just looking"],
      ["spooler-http-readonly = true", ""],
    ] as const
  ) {
    await using site = await failedSite(1, line, "spooler-task = true");
    await Deno.writeTextFile(`${site.dir}/pw`, "just looking");
    await using program = await site.start();
    const auth: Record<string, string> = pair === ""
      ? {}
      : { authorization: `Basic ${btoa(pair)}` };
    const api = await apiOf(program, auth);
    const post = await api.post("tasks", { do: "retry", task: `spool/failed/${nameOf(10)}` });
    assertEquals(post.status, 403);
    for (const path of ["", "tasks", `tasks/spool/failed/${nameOf(10)}`, "schedules"]) {
      const page = await (await fetch(`http://${api.address}/${path}`, { headers: auth })).text();
      assert(!page.includes('method="post"') && page.includes("read only"), path);
    }
    const { status } = await fetch(`http://${api.address}/push`, { headers: auth })
      .then(async (response) => (await response.text(), response));
    assertEquals(status, 403);
  }
});
