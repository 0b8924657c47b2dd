/** `http-socket` under attack: tasks go on, an operator gets answers, and memory is bounded. */

import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { closeAll, descriptors, MIB, peakMemory, startSite } from "../support/hostile.ts";
import { monitorAddress } from "../support/monitor.ts";
import { programLabel } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { until } from "../support/until.ts";

const encoded = (text: string) => new TextEncoder().encode(text);

/** Asks as anybody does, over a connection of its own. */
async function ask(address: string, head: string): Promise<string> {
  const [hostname = "", port] = address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(encoded(head));
  return await new Response(connection.readable).text();
}

const GET = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;

testWith(
  "libc",
  `${programLabel}: 600 slow heads, and bodies that never come, keep no operator out`,
  async () => {
    await using running = await startSite("http-socket = 127.0.0.1:0");
    const address = await monitorAddress(running.program, "http");
    const before = descriptors(running.program);
    const port = Number(address.split(":")[1]);
    const attackers: Deno.Conn[] = [];
    for (let n = 0; n < 600; n++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      attackers.push(connection);
      const head = n % 2 === 0
        ? "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-More: "
        : "POST /api/push HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n\r\n{";
      await connection.write(encoded(head)).catch(() => {});
    }
    assertMatch(await ask(address, GET("/healthz")), /^HTTP\/1\.1 200 [^]*\r\n\r\nok\n$/);
    assertMatch(await ask(address, GET("/tasks")), /^HTTP\/1\.1 200 /);
    await running.serveOthers();
    assert(descriptors(running.program) <= before + 300, `${descriptors(running.program)}`);
    closeAll(attackers);
    await until(() => descriptors(running.program) <= before + 2, "all are gone");
    assert(peakMemory(running.program) < 300 * MIB, `${peakMemory(running.program)}`);
    await running.assertNothingElse();
  },
);

testWith(
  "libc",
  `${programLabel}: endless heads, foreign names, wrong tokens and markup do nothing`,
  async () => {
    await using running = await startSite("http-socket = 127.0.0.1:0", "spooler-task = true");
    const address = await monitorAddress(running.program, "http");
    await running.serveOthers();
    const post = (path: string, body: string, ...more: string[]) =>
      [
        ...[`POST ${path} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", ...more],
        ...[`Content-Length: ${body.length}`, "", body],
      ].join("\r\n");
    const form = "Content-Type: application/x-www-form-urlencoded";
    const wish = "do=remove&all=yes&sure=yes&state=deferred&token=0";
    const evil = "<img src=x onerror=alert(1)>";
    for (
      const [request, status] of [
        [`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ${"x".repeat(2 * MIB)}`, 431],
        [GET("/").replace("127.0.0.1", "evil.example"), 403],
        [GET("/api/token").replace("127.0.0.1", "127.0.0.1.evil.example"), 403],
        [post("/tasks", wish, form), 403],
        [post("/tasks", wish, form, "Sec-Fetch-Site: cross-site"), 403],
        [post("/tasks", wish, form, "Sec-Fetch-Site: same-origin"), 403],
        [post("/tasks", wish, form, "Origin: http://evil.example"), 403],
        [post("/api/tasks", wish, form, "X-Spooler-Token: 0"), 403],
        [post("/api/tasks", wish, form, "X-Spooler-Token: 0", "Transfer-Encoding: chunked"), 411],
        [GET(`/tasks/${encodeURIComponent(evil)}/x`), 404],
        [GET(`/tasks?q=${encodeURIComponent(evil)}`), 200],
        [GET(`/schedules/${encodeURIComponent(evil)}`), 404],
        [GET("/../../etc/passwd"), 404],
      ] as const
    ) {
      const answer = await ask(address, request).catch((error) => String(error));
      assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 200));
      assert(!answer.includes(evil), request.slice(0, 200));
    }
    await running.serveOthers();
    const { tasks } = JSON.parse(
      (await ask(address, GET("/api/tasks"))).split("\r\n\r\n")[1] ?? "",
    );
    assertEquals(tasks.length, 40);
    await running.assertNothingElse();
  },
);
