/** The options of sockets: what they come to, and that nobody is let in whom nobody meant. */

import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { fakeHost } from "../support/config_host.ts";

const FILES = { "/srv/tls/cert.pem": "", "/srv/tls/key.pem": "", "/srv/tls/ca.pem": "" };

async function read(...lines: string[]): Promise<Config> {
  const ini = ["[uwsgi]", "spooler = spool", ...lines, ""].join("\n");
  const files = { ...FILES, "/srv/site.ini": ini, "/srv/spooler.key": "correct horse battery\n" };
  return (await loadConfig("/srv/site.ini", fakeHost({ files }))).config;
}

async function problem(...lines: string[]): Promise<string> {
  const error = await assertRejects(() => read(...lines), ConfigError);
  return (error as ConfigError).message;
}

for (const address of [":3031", "0.0.0.0:3031", "10.0.0.1:3031", "[::]:3031", "hub.example:3031"]) {
  Deno.test(`socket = ${address} is refused until somebody says who may talk`, async () => {
    const message = await problem(`socket = ${address}`);
    for (const way of ["spooler-allow = ", "any", "spooler-secret = ", "suwsgi-socket = "]) {
      assertStringIncludes(message, way);
    }
    assertStringIncludes(message, "/srv/site.ini:3: socket ");
    await read(`socket = ${address}`, "spooler-allow = any");
    await read(`socket = ${address}`, "spooler-allow = 10.0.0.0/8");
    await read(`socket = ${address}`, "spooler-secret = 0123456789abcdef");
  });
}

Deno.test("loopback, unix sockets and client certificates need no more", async () => {
  const lines = [
    "socket = 127.0.0.1:1",
    "socket = [::1]:1",
    "socket = localhost:1",
    "socket = in.sock",
    "socket = @name",
    "suwsgi-socket = :2,tls/cert.pem,tls/key.pem,tls/ca.pem",
  ];
  assertEquals((await read(...lines)).listeners.length, lines.length);
});

Deno.test("TLS alone keeps nobody out", async () => {
  assertStringIncludes(
    await problem("suwsgi-socket = :2,tls/cert.pem,tls/key.pem"),
    "anyone who reaches it",
  );
});

Deno.test("TLS files are found from the ini, and must be there", async () => {
  const { listeners } = await read("suwsgi-socket = 127.0.0.1:2,tls/cert.pem,tls/key.pem");
  assertEquals(listeners[0]?.tls, {
    cert: "/srv/tls/cert.pem",
    key: "/srv/tls/key.pem",
    ca: null,
  });
  assertStringIncludes(
    await problem("suwsgi-socket = 127.0.0.1:2,tls/cert.pem,none.pem"),
    "needs /srv/none.pem to be a file",
  );
  assertStringIncludes(await problem("suwsgi-socket = 127.0.0.1:2"), "needs ADDRESS,CERT,KEY");
});

Deno.test("networks of several lines add up, and any is any", async () => {
  const { reception } = await read("spooler-allow = 10.0.0.0/8  fd00::/8", "spooler-allow = ::1");
  assert(reception.allow !== null && reception.allow !== "any");
  assertEquals(reception.allow.map(({ text }) => text), ["10.0.0.0/8", "fd00::/8", "::1"]);
  const any = await read("spooler-allow = 10.0.0.0/8", "spooler-allow = any");
  assertEquals(any.reception.allow, "any");
  assertStringIncludes(await problem("spooler-allow = 10.0.0.1/8"), "no bits behind");
});

Deno.test("a secret comes from its file without the last newline, and several are kept", async () => {
  const { reception } = await read(
    "spooler-secret = @(/srv/spooler.key)",
    "spooler-secret = the old one",
  );
  assertEquals(reception.secrets, ["correct horse battery", "the old one"]);
  assert(!(await problem("spooler-secret = short")).includes('short"'));
});

Deno.test("with a secret an id is known for as long as a signature is good", async () => {
  const secret = "spooler-secret = correct horse battery";
  assertStringIncludes(await problem(secret, "spooler-dedup-window = 2s"), "needs 10m or more");
  const { reception } = await read(secret, "spooler-dedup-window = 10m", "spooler-name = hub:1");
  assertEquals([reception.dedupWindowMs, reception.name], [600_000, "hub:1"]);
  assertEquals((await read("spooler-dedup-window = 2s")).reception.dedupWindowMs, 2000);
  assertStringIncludes(await problem("spooler-name = my hub"), "without a blank");
});

Deno.test("everything else has a default and a meaning", async () => {
  const { reception } = await read();
  assertEquals(reception, {
    allow: null,
    secrets: [],
    name: null,
    pickles: "checked",
    allowFunctions: null,
    socketMode: 0o660,
    socketOwner: null,
    backlog: 1024,
    timeoutMs: 4000,
    maxVarsSize: 65535,
    maxBodySize: 64 * 2 ** 20,
    maxPriority: 9,
    maxConnections: 4096,
    dedupWindowMs: 86_400_000,
  });
  const given = await read(
    "chmod-socket = 644",
    "chown-socket = app:www",
    "listen = 7",
    "socket-timeout = 2",
    "buffer-size = 4096",
    "spooler-max-body = 1k",
    "spooler-max-connections = 5",
    "spooler-dedup-window = 2h",
  );
  assertEquals(given.reception, {
    ...reception,
    socketMode: 0o644,
    socketOwner: { user: "app", group: "www", place: { file: "/srv/site.ini", line: 4 } },
    backlog: 7,
    timeoutMs: 2000,
    maxVarsSize: 4096,
    maxBodySize: 1024,
    maxConnections: 5,
    dedupWindowMs: 7_200_000,
  });
  assertEquals((await read("chmod-socket")).reception.socketMode, 0o666);
  for (const bad of ["chmod-socket = rw", "chown-socket = :", "listen = 0", "buffer-size = 0"]) {
    assertStringIncludes(await problem(bad), "needs");
  }
});

Deno.test("abstract-socket makes the path a name, as uWSGI does", async () => {
  const { listeners } = await read("abstract-socket = true", "socket = run/x", "socket = @y");
  const paths = listeners.map(({ address }) => address.kind === "unix" ? address.path : "");
  assertEquals(paths, ["\0run/x", "\0y"]);
});

Deno.test("spooler-allow-functions are names, and several lines add up", async () => {
  const { reception } = await read("spooler-allow-functions = a  b", "spooler-allow-functions = c");
  assertEquals(reception.allowFunctions, ["a", "b", "c"]);
  assertEquals((await read("spooler-allow-functions =")).reception.allowFunctions, []);
});

Deno.test("spooler-pickle says whether strangers may send pickles", async () => {
  assertEquals((await read("spooler-pickle = trusted")).reception.pickles, "trusted");
  assertEquals((await read("spooler-pickle = checked")).reception.pickles, "checked");
  assertStringIncludes(await problem("spooler-pickle = yes"), "needs checked or trusted");
});
