/** The dashboard and its JSON, asked by a program that is no browser. */

import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { monitorAddress } from "../support/monitor.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";
import { testWith } from "../support/require.ts";

const TASK = "uwsgi_spoolfile_on_h_1_1_1_1700000000_000001";

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function get(url: string, headers: Record<string, string> = {}, init = {}): Promise<Got> {
  const response = await fetch(url, { headers, redirect: "manual", ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const basic = (pair: string) => ({ authorization: `Basic ${btoa(pair)}` });

const EVIL = `<script>alert(1)</script>"'`;

async function evilSite(...lines: string[]): Promise<Site> {
  const site = await makeSite(
    ...[
      `cron2 = name=job,minute=5 echo '${EVIL}' --password=hush-hush`,
      "http-socket = 127.0.0.1:0",
    ],
    ...["spooler-task = name=never true", "env = API_TOKEN=topsecret1", ...lines],
  );
  const vars = { ud_spool_func: EVIL, [`k${EVIL}`]: EVIL, db_password: "topsecret2" };
  await Deno.mkdir(site.spool, { recursive: true });
  await writeTask(`${site.spool}/failed`, TASK, vars, {
    body: new TextEncoder().encode(`</pre>${EVIL}`),
  });
  const record = { reason: EVIL, failedAt: 1_700_000_000_000, attempts: null };
  await Deno.writeTextFile(`${site.spool}/failed/${TASK}.json`, JSON.stringify(record));
  return site;
}

Deno.test("every page shows markup of others as text, loads nothing, and hides secrets", async () => {
  await using site = await evilSite();
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const task = `tasks/spool/failed/${TASK}`;
  const pages = ["", "tasks", task, `${task}?body=text`, `${task}?body=hex`, "schedules"];
  const query = `tasks?q=${encodeURIComponent(EVIL)}&function=${encodeURIComponent(EVIL)}`;
  for (const page of [...pages, "workers", "targets", "configuration", query, "tasks/x/<y>"]) {
    const { text, headers } = await get(`http://${address}/${page}`);
    assert(!text.includes("<script>alert"), page);
    assert(!/topsecret|hush-hush/.test(text), page);
    const policy = headers.get("content-security-policy") ?? "";
    assert(policy.startsWith("default-src 'none'") && !policy.includes("unsafe"), policy);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("cache-control"), "no-store");
    // Nothing that the policy would have to allow.
    assert(!/<[^>]* (?:style|on\w+)=|javascript:|https?:\/\//.test(text.replaceAll("&", "")), page);
  }
  const { text } = await get(`http://${address}/${task}`);
  assert(text.includes("&lt;script&gt;alert(1)&lt;/script&gt;"), text);
  for (const path of ["overview", "tasks", task, "schedules", "configuration"]) {
    const { text, headers } = await get(`http://${address}/api/${path}`);
    assertEquals(headers.get("content-type"), "application/json; charset=utf-8");
    assert(!/topsecret|hush-hush/.test(text), text);
    JSON.parse(text);
  }
  const raw = await get(`http://${address}/api/${task}/body`);
  assertEquals([raw.text, raw.headers.get("content-type")], [
    `</pre>${EVIL}`,
    "application/octet-stream",
  ]);
});

Deno.test("tasks are found by spool, state, function and text, a page at a time", async () => {
  await using site = await makeSite("spooler-task = name=never true", "http-socket = 127.0.0.1:0");
  const names = Array.from({ length: 120 }, (_, n) => {
    return `uwsgi_spoolfile_on_h_1_${n}_1_${1_700_000_000 + n}_000000`;
  });
  for (const [n, name] of names.entries()) {
    await writeTask(`${site.spool}/failed`, name, {
      ud_spool_func: n % 40 ? "a" : "b",
      nr: `#${n}#`,
    });
  }
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const list = async (query: string) => {
    const { text } = await get(`http://${address}/api/tasks?${query}`);
    return JSON.parse(text) as { tasks: { name: string }[]; next: string | null; seen: number };
  };
  const found: string[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page = await list(`limit=50&after=${encodeURIComponent(after)}`);
    found.push(...page.tasks.map(({ name }) => name));
    assertEquals(page.seen, 120);
    after = page.next;
  }
  assertEquals(found, names.toReversed());
  assertEquals((await list("function=b")).tasks.length, 3);
  assertEquals((await list("q=%2317%23")).tasks.map(({ name }) => name), [names[17]]);
  assertEquals((await list(`q=_1_117_1`)).tasks.map(({ name }) => name), [names[117]]);
  assertEquals((await list("state=ready")).tasks, []);
  for (const wrong of ["state=x", "limit=0", "limit=1e9", "after=x", "older=-1", "spool=../x"]) {
    const { status } = await get(`http://${address}/api/tasks?${wrong}`);
    assert(status === 400 || status === 404, wrong);
  }
});

Deno.test("no path leads out of a spool, or to a file that is no task", async () => {
  await using site = await makeSite("http-socket = 127.0.0.1:0", "spooler-task = true");
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  await Deno.writeTextFile(`${site.dir}/uwsgi_spoolfile_on_secret`, "x");
  await Deno.symlink(
    `${site.dir}/uwsgi_spoolfile_on_secret`,
    `${site.spool}/failed/uwsgi_spoolfile_on_link`,
  )
    .catch(() => {});
  for (
    const path of [
      "tasks/spool/uwsgi_spoolfile_on_x%2f..%2f..%2fuwsgi_spoolfile_on_secret",
      "tasks/spool/..%2fuwsgi_spoolfile_on_secret",
      "tasks/%2e%2e/uwsgi_spoolfile_on_secret",
      "tasks/./uwsgi_spoolfile_on_secret",
      "tasks/spool/failed/uwsgi_spoolfile_on_link",
      "tasks/spool/uwsgi_spoolfile_on_%00",
      "tasks/spool/1/2/3/uwsgi_spoolfile_on_x",
      "assets/..%2fsite.ts",
      "assets/../site.ts",
      "assets/%2fetc%2fpasswd",
      "api/tasks/spool/.spooler/paused/body",
      "%",
      "constructor",
      "assets/constructor",
    ]
  ) {
    const status = await rawStatus(address, `GET /${path} HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
    assert([400, 404].includes(status), `${path}: ${status}`);
  }
});

async function rawStatus(address: string, request: string): Promise<number> {
  const [hostname = "", port] = address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer) ?? 0;
  return Number(/^HTTP\/1\.1 (\d+)/.exec(new TextDecoder().decode(buffer.subarray(0, count)))?.[1]);
}

Deno.test("a viewer sees and may not act; a wrong password is logged once", async () => {
  await using site = await makeSite(
    ...["http-socket = 127.0.0.1:0", "spooler-task = true", "spooler-http-auth = ops:@(ops)"],
    "spooler-http-viewer = guest:@(guest)",
  );
  await Deno.writeTextFile(`${site.dir}/ops`, "correct horse");
  await Deno.writeTextFile(`${site.dir}/guest`, "just looking");
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const index = async (pair: string) =>
    JSON.parse((await get(`http://${address}/api/`, basic(pair))).text);
  assertEquals((await index("ops:correct horse")).mayAct, true);
  assertEquals((await index("guest:just looking")).mayAct, false);
  const token = (pair: string) => get(`http://${address}/api/token`, basic(pair));
  assertEquals((await token("guest:just looking")).status, 403);
  assertEquals((await token("ops:correct horse")).status, 200);
  for (const path of ["", "api/", "assets/style.css", "metrics", "healthz"]) {
    assertEquals((await get(`http://${address}/${path}`)).status, 401);
    assertEquals((await get(`http://${address}/${path}`, basic("ops:just looking"))).status, 401);
  }
  await program.line(
    /http socket: 127\.0\.0\.1:\d+ was not let in: a wrong name or password$/,
  );
  assert(!/correct horse|just looking/.test(program.log));
  assertEquals(program.log.match(/not let in/g)?.length, 1);
});

testWith("openssl", "https-socket, and one that asks for a certificate", async () => {
  await using site = await makeSite(
    ...["https-socket = 127.0.0.1:0,server.pem,server.key", "spooler-task = true"],
    "https-socket = 127.0.0.1:0,server.pem,server.key,ca.pem",
  );
  await makeTlsParties(site.dir);
  await using program = await site.start();
  const sockets = program.log.match(/https socket [\d.]+:\d+/g) ?? [];
  const [plain, guarded] = sockets.map((line) =>
    `https://localhost:${line.split(":").at(-1)}/api/`
  );
  const read = (name: string) => Deno.readTextFile(`${site.dir}/${name}`);
  const caCerts = [await read("ca.pem")];
  using anybody = Deno.createHttpClient({ caCerts });
  const { cert, key } = { cert: await read("client.pem"), key: await read("client.key") };
  using known = Deno.createHttpClient({ caCerts, cert, key });
  const user = async (url: string | undefined, client: Deno.HttpClient) =>
    JSON.parse((await get(url ?? "", {}, { client })).text).user;
  assertEquals([await user(plain, anybody), await user(guarded, known)], [null, "/CN=client"]);
  await assertRejects(() => user(guarded, anybody), Error);
});

Deno.test("100,000 tasks: the first page is there at once, and so is a search that finds nothing", async () => {
  await using site = await makeSite("http-socket = 127.0.0.1:0", "spooler-task = name=x true");
  await Deno.mkdir(`${site.spool}/.spooler`, { recursive: true });
  await Deno.writeTextFile(`${site.spool}/.spooler/paused`, "");
  const first = await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_0_1_1700000000_000000", {
    ud_spool_func: "x",
  });
  const bytes = await Deno.readFile(first);
  for (let n = 1, from = first; n < 100_000; n++) {
    const path = `${site.spool}/uwsgi_spoolfile_on_h_1_${n}_1_1700000000_${n}`;
    // A file has so many names at most.
    if (n % 50_000 === 0) Deno.writeFileSync(from = path, bytes);
    else Deno.linkSync(from, path);
  }
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const measure = async (query: string) => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const begun = performance.now();
      const { status } = await get(`http://${address}/tasks?${query}`);
      times.push(performance.now() - begun);
      assertEquals(status, 200);
    }
    return Math.min(...times);
  };
  await measure("");
  const [page, search] = [await measure(""), await measure("q=nothing-of-the-kind")];
  console.log(`first page ${page.toFixed()} ms, a search ${search.toFixed()} ms`);
  // CI machines are slow: what counts there is that it does not grow with the directory.
  assert(page < 1500 && search < 3000, `${page} ms, ${search} ms`);
});
