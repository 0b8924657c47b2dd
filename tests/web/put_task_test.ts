/** `POST /api/tasks/FUNCTION`: programs add tasks over HTTP, each once. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import type { Program } from "../support/program.ts";
import { makeSiteWith, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

const TOKEN = "correct-horse-battery-staple";
const OTHER = "another-token-of-a-program";

async function shop(...lines: string[]): Promise<Site> {
  return await makeSiteWith(
    { token: `${TOKEN}\n`, other: OTHER },
    "http-socket = 127.0.0.1:0",
    "spooler-http-token = shop:@(token)",
    "spooler-http-token = other:@(other)",
    ...lines,
  );
}

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly value: Record<string, unknown>;
}

async function putter(program: Program) {
  const address = await monitorAddress(program, "http");
  return async (
    path: string,
    body: BodyInit | null,
    headers: Record<string, string> = {},
  ): Promise<Sent> => {
    const response = await fetch(`http://${address}/api/tasks/${path}`, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
    const text = await response.text();
    const value = text.startsWith("{") ? JSON.parse(text) : { error: text };
    return { status: response.status, headers: response.headers, value };
  };
}

/** The names of the tasks in its queue. */
async function listTasks(dir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(dir)) {
    if (name.startsWith("uwsgi_spoolfile_on_")) names.push(name);
  }
  return names;
}

const JSON_TYPE = { "content-type": "application/json" };
const NEVER = "spooler-task = name=never true";

Deno.test("a task is put as JSON, as a form, with any other body; it is on disk with the answer", async () => {
  await using site = await shop("spooler-task = stdin=json cat", "spooler-quiet = true");
  await using program = await site.start();
  const put = await putter(program);
  const json = await put(
    "send_mail",
    JSON.stringify({ to: "ann", tags: ["new"], n: 5 }),
    JSON_TYPE,
  );
  assertEquals(json.status, 201);
  assertMatch(String(json.value.task), /^spool\/uwsgi_spoolfile_on_/);
  assertEquals([json.value.spool, json.value.priority], ["spool", null]);
  await program.line(/send_mail\| \{.*"to":"ann".*"tags":"\[\\"new\\"\]".*spooler_json.*tags.*n/);
  const form = await put("send_mail", new URLSearchParams({ to: "bob & co", body: "a body" }));
  assertEquals(form.status, 201);
  await program.line(/send_mail\| \{.*"to":"bob & co".*/);
  const raw = await put("resize?name=x.png", new Uint8Array([0xff, 0, 1]), {
    "content-type": "image/png",
  });
  assertEquals(raw.status, 201);
  await program.line(/resize\| \{.*"name":"x\.png".*/);
  const bare = await put("resize?priority=3", null);
  assertEquals([bare.status, bare.value.priority], [201, "3"]);
  const later = await put("send_mail?at=2099-01-01T00:00Z", null);
  assertEquals(later.status, 201);
  // A line of a task is there before it is removed.
  await until(async () => (await listTasks(site.spool)).length === 1, "the others are done");
  assertEquals(await listTasks(site.spool), [String(later.value.name)]);
  const seconds = Math.floor(
    ((await Deno.stat(`${site.spool}/${later.value.name}`)).mtime?.getTime() ??
      0) / 1000,
  );
  assertEquals(seconds, Date.UTC(2099, 0, 1) / 1000);
});

for (const socket of [[], ["socket = 127.0.0.1:0"]]) {
  const where = socket.length === 0 ? "without sockets" : "beside a socket";
  Deno.test(`the same Idempotency-Key has the same answer, also behind a restart, ${where}`, async () => {
    await using site = await shop(NEVER, ...socket);
    const first = { to: "ann", at: 4_000_000_000 };
    let answer: unknown;
    {
      await using program = await site.start();
      const put = await putter(program);
      const send = (value: unknown, headers = {}) =>
        put("never", JSON.stringify(value), { ...JSON_TYPE, "idempotency-key": "a1", ...headers });
      const sent = await Promise.all([send(first), send(first), send(first)]);
      assertEquals(sent.map(({ status }) => status), [201, 201, 201]);
      answer = sent[0]?.value;
      for (const { value } of sent) assertEquals(value, answer);
      const replayed = sent.filter(({ headers }) => headers.get("idempotent-replayed") === "true");
      assertEquals(replayed.length, 2);
      const wrong = await send({ ...first, to: "eve" });
      assertEquals([wrong.status, wrong.value.kind], [422, "request"]);
      // A key is its sender's: another program may use the same.
      const other = await send(first, { authorization: `Bearer ${OTHER}` });
      assert(other.value.name !== sent[0]?.value.name);
      assertEquals((await listTasks(site.spool)).length, 2);
      assertEquals(await program.stop(), 0);
    }
    await using program = await site.start();
    const put = await putter(program);
    const again = await put("never", JSON.stringify(first), {
      ...{ ...JSON_TYPE, "idempotency-key": "a1" },
    });
    assertEquals([again.status, again.value], [201, answer]);
    assertEquals((await listTasks(site.spool)).length, 2);
  });
}

Deno.test("what is wrong with a task is said, with a status and a kind", async () => {
  await using site = await shop(NEVER, "spooler-shell = true", "spooler-max-files = 1");
  await using program = await site.start();
  const put = await putter(program);
  const json = (value: unknown) => JSON.stringify(value);
  const cases: [number, RegExp, string, BodyInit | null, Record<string, string>?][] = [
    [401, /authentication required: a token/, "never", null, { authorization: "Bearer wrong" }],
    [403, /never accepted over HTTP/, "spooler-shell?command=id", null],
    [404, /needs the name of a function/, "", null],
    [400, /must be a JSON object/, "never", "[1]", JSON_TYPE],
    [400, /must be a JSON object/, "never", "{", JSON_TYPE],
    [400, /not UTF-8/, "never", new Uint8Array([0xff]), JSON_TYPE],
    [415, /takes application/, "never", new FormData(), {}],
    [422, /"to" is given twice/, "never?to=a", json({ to: "b" }), JSON_TYPE],
    [422, /body must be a text/, "never", json({ body: {} }), JSON_TYPE],
    [422, /ud_spool_func cannot be given/, "never", json({ ud_spool_func: "x" }), JSON_TYPE],
    [422, /at must be a time/, "never?at=2026-02-30", null],
    [422, /priority needs digits/, "never?priority=x", null],
    [422, /priority must be 0 to/, "never?priority=99999", null],
    [404, /no spool of that name/, "never?spooler=elsewhere", null],
    [422, /holds 65535/, "never", json({ a: "x".repeat(70_000) }), JSON_TYPE],
    [400, /Idempotency-Key needs/, "never", null, { "idempotency-key": "a b" }],
    [413, /too large/, "never", new Uint8Array(5 * 1024 * 1024)],
  ];
  for (const [status, error, path, body, headers = {}] of cases) {
    const sent = await put(path, body, headers);
    assertEquals([status, path], [sent.status, path], String(sent.value.error));
    assertMatch(String(sent.value.error), error);
  }
  assertEquals((await put("never?at=4000000000", null)).status, 201);
  const full = await put("never", null);
  assertEquals([full.status, full.value.kind], [503, "full"]);
  assertEquals(full.headers.get("retry-after"), "5");
});

Deno.test("a token adds tasks and does nothing else; people keep their way in", async () => {
  await using site = await shop(NEVER);
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const ask = async (path: string, method = "GET", headers: Record<string, string> = {}) => {
    const response = await fetch(`http://${address}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
    await response.body?.cancel();
    return response.status;
  };
  for (const path of ["/", "/api/tasks", "/api/token", "/metrics", "/api/configuration"]) {
    assertEquals([path, await ask(path)], [path, 403]);
  }
  for (const path of ["/api/tasks", "/api/push", "/api/spools", "/push"]) {
    assertEquals([path, await ask(path, "POST")], [path, 403]);
  }
  // On loopback without a password the dashboard is as open as before.
  const token = (await (await fetch(`http://${address}/api/token`)).json()).token;
  const sent = await fetch(`http://${address}/api/tasks/never`, {
    ...{ method: "POST", headers: { "x-spooler-token": token } },
  });
  await sent.body?.cancel();
  assertEquals(sent.status, 201);
  // A page of somebody else can send neither.
  const bare = await fetch(`http://${address}/api/tasks/never`, { method: "POST" });
  assertMatch((await bare.json()).error, /Bearer TOKEN .spooler-http-token./);
  assertEquals(bare.status, 403);
});

Deno.test("where others reach it, a token alone opens the socket to programs and to nobody else", async () => {
  await using site = await makeSiteWith(
    { token: TOKEN },
    ...["http-socket = 0.0.0.0:0", "spooler-http-token = shop:@(token)", NEVER],
  );
  await using program = await site.start();
  const address = (await monitorAddress(program, "http")).replace("0.0.0.0", "127.0.0.1");
  const open = await fetch(`http://${address}/healthz`);
  await open.body?.cancel();
  assertEquals(open.status, 401);
  const sent = await fetch(`http://${address}/api/tasks/never`, {
    ...{ method: "POST", headers: { authorization: `Bearer ${TOKEN}` } },
  });
  await sent.body?.cancel();
  assertEquals(sent.status, 201);
});
