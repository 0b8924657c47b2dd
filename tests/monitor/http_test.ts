/** `http-socket`: metrics and health, and who gets them. */

import { spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { monitorAddress } from "../support/monitor.ts";
import { makeSite, type Site } from "../support/site.ts";
import { writeTask } from "../support/task_files.ts";

async function get(address: string, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`http://${address}${path}`, { headers });
  return { response, text: await response.text() };
}

const siteWithTasks = (...lines: string[]): Promise<Site> =>
  makeSite(
    ...["spooler-task = name=send true", "spooler-forward = out 127.0.0.1:9"],
    ...["cron = -10 -1 -1 -1 -1 true", "http-socket = 127.0.0.1:0", ...lines],
  );

Deno.test("/metrics and /healthz say what the program does", async () => {
  await using site = await siteWithTasks("http-socket = h.sock");
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_1_1_1", { ud_spool_func: "send" });
  await program.line(/send .* done/);
  const { response, text } = await get(address, "/metrics");
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const settled = 'spooler_tasks_settled_total{spool="spool",function="send",fate="done"} 1';
  for (
    const line of [
      settled,
      'spooler_tasks{spool="spool",state="ready"} 0',
      'spooler_task_run_seconds_count{spool="spool",function="send"} 1',
      'spooler_target_up{spool="out",target="127.0.0.1:9"} 1',
      'spooler_spool_paused{spool="spool"} 0',
      "# TYPE spooler_tasks_settled_total counter",
    ]
  ) assert(text.split("\n").includes(line), `${line}\n${text}`);
  for (const name of ["process_open_fds", "process_cpu_seconds_total", "spooler_free_bytes"]) {
    assert(text.includes(`\n${name}`), name);
  }
  const open = await get(address, "/metrics", { accept: "application/openmetrics-text" });
  assert(open.text.endsWith("# EOF\n"));
  assert(open.text.includes("# TYPE spooler_tasks_settled counter\n"));

  assertEquals((await get(address, "/healthz")).text, "ok\n");
  assertEquals((await get(address, "/other")).response.status, 404);
  using unix = await Deno.connect({ transport: "unix", path: `${site.dir}/h.sock` });
  assert(
    (await exchange(unix, "GET /healthz HTTP/1.1\r\nHost: any.name\r\n\r\n")).endsWith("ok\n"),
  );
  const foreign = await raw(address, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  assert(foreign.startsWith("HTTP/1.1 403 "), foreign);
  const post = await fetch(`http://${address}/metrics`, { method: "POST", body: "" });
  await post.text();
  assertEquals(post.status, 405);
});

/** The first bytes of an answer to what fetch would not send. */
async function raw(address: string, request: string): Promise<string> {
  const [hostname = "", port] = address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  return await exchange(connection, request);
}

async function exchange(connection: Deno.Conn, request: string): Promise<string> {
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(1000);
  return new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
}

Deno.test("a password is asked for, and never printed", async () => {
  await using site = await siteWithTasks("spooler-http-auth = ops:@(pw)");
  await Deno.writeTextFile(`${site.dir}/pw`, "correct horse\n");
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  const with_ = (pair: string) => ({ authorization: `Basic ${btoa(pair)}` });
  assertEquals((await get(address, "/metrics")).response.status, 401);
  for (const wrong of ["ops:correct hors", "ops:correct horse1", "op:correct horse", "x"]) {
    assertEquals((await get(address, "/metrics", with_(wrong))).response.status, 401);
  }
  assertEquals((await get(address, "/healthz", with_("ops:correct horse"))).response.status, 200);
  assert(!program.log.includes("correct horse"));
  const shown = await spooler(["--ini", site.ini, "--show-config"]);
  assert(!`${shown.stdout}${shown.stderr}`.includes("correct horse"), shown.stdout);
});

Deno.test("without a password nobody else can reach it", async () => {
  await using site = await makeSite("http-socket = :0");
  const { code, stderr } = await spooler(["check", "--ini", site.ini]);
  assertEquals(code, 2);
  assert(/site\.ini:3: http-socket needs spooler-http-auth = USER:@\(FILE\)/.test(stderr), stderr);
});

testWith("promtool", "promtool finds nothing wrong with the metrics", async () => {
  await using site = await siteWithTasks();
  await using program = await site.start();
  const address = await monitorAddress(program, "http");
  await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_1_1_1", { ud_spool_func: 'se"n\\d' });
  await writeTask(site.spool, "uwsgi_spoolfile_on_h_1_2_1_1", { ud_spool_func: "send" });
  await program.line(/send .* done/);
  const { text } = await get(address, "/metrics");
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" } as const,
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals([code, said], [0, ""]);
});

Deno.test("the http-socket of a web application is uWSGI's", async () => {
  await using site = await makeSite("http-socket = :8080", "wsgi-file = app.py");
  await Deno.writeTextFile(`${site.dir}/app.py`, "");
  const { code, stdout, stderr } = await spooler(["check", "--ini", site.ini]);
  assertEquals(code, 0, stderr);
  assert(/http-socket is taken for that of the web application/.test(stdout + stderr), stderr);
});
