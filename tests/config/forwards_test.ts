import type { ForwardTarget } from "../../src/forward/settings.ts";
import type { NatsAccess } from "../../src/nats/settings.ts";
import { destinationFor, destinationsOf } from "../../src/server/destination.ts";
import { interpret } from "../../src/config/interpret.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { loadConfig } from "../../src/config/load.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { entriesOf } from "../support/entries.ts";
import { fakeHost } from "../support/config_host.ts";

const peersOf = (targets: readonly ForwardTarget[] = []) =>
  targets.flatMap((target) => target.protocol === "uwsgi" ? [target] : []);

const configOf = (...lines: string[]) => interpret(entriesOf(lines), "/srv/site.ini").config;

Deno.test("spooler-forward is a directory and its targets, in order", () => {
  const [forward] =
    configOf("spooler-forward = out hub:3031 /run/b.sock tls://c:1 b.sock @b").forwards;
  assertEquals(forward?.spool.dir, "/srv/out");
  assertEquals(peersOf(forward?.targets).map(({ address, tls }) => ({ ...address, tls })), [
    { kind: "tcp", host: "hub", port: 3031, tls: false },
    { kind: "unix", path: "/run/b.sock", tls: false },
    { kind: "tcp", host: "c", port: 1, tls: true },
    { kind: "unix", path: "/srv/b.sock", tls: false },
    { kind: "unix", path: "\0b", tls: false },
  ]);
  assertEquals([forward?.policy, forward?.connections, forward?.secret], ["failover", 1, null]);
});

Deno.test("spooler-forward2 has settings of its own", () => {
  const [forward] = configOf(
    "spooler-forward2 = dir=out,to=a:1;tls://b:2,policy=balance,connections=4,timeout=5," +
      'secret="a, b and c",ca=ca.pem,cert=own.pem,key=/etc/own.key',
  ).forwards;
  assertEquals(forward?.targets.map(({ text }) => text), ["a:1", "tls://b:2"]);
  assertEquals(forward?.policy, "balance");
  assertEquals(forward?.connections, 4);
  assertEquals(forward?.timeoutMs, 5000);
  assertEquals(forward?.secret, "a, b and c");
  assertEquals(forward?.tls, {
    ca: "/srv/ca.pem",
    own: { cert: "/srv/own.pem", key: "/etc/own.key" },
  });
});

Deno.test("the kind of a target is stated for all, or for each", () => {
  const kindsOf = (settings: string) =>
    peersOf(configOf(`spooler-forward2 = dir=out,to=a:1;b:2${settings}`).forwards[0]?.targets)
      .map(({ kind }) => kind);
  assertEquals(kindsOf(""), ["auto", "auto"]);
  assertEquals(kindsOf(",kind=uwsgi"), ["uwsgi", "uwsgi"]);
  assertEquals(kindsOf(",kind=spooler;uwsgi"), ["spooler", "uwsgi"]);
});

Deno.test("targets with a secret can have a name each", () => {
  const line = "spooler-forward2 = dir=out,to=a:1;b:2,secret=of-two-sides,name=hub-a;hub-b";
  const [forward] = configOf(line).forwards;
  assertEquals(peersOf(forward?.targets).map(({ receiver }) => receiver), ["hub-a", "hub-b"]);
});

Deno.test("a forward has the settings of spools, and signs with the first secret", () => {
  const [forward] = configOf(
    "spooler-max-retries = 3",
    "spooler-fsync = false",
    "spooler-secret = the newer one",
    "spooler-secret = the older one",
    "spooler-forward = out hub:1",
  ).forwards;
  assertEquals(forward?.spool.retry.maxRetries, 3);
  assertEquals(forward?.spool.fsync, false);
  assertEquals(forward?.secret, "the newer one");
});

Deno.test("a task goes where its spooler says: a spool, a target, or the first there is", () => {
  const config = configOf("spooler = in", "spooler-forward = out hub:1 tls://other:2");
  const dirOf = (spooler?: string) => destinationFor(destinationsOf(config), spooler)?.spool.dir;
  assertEquals(dirOf(), "/srv/in");
  assertEquals(dirOf("/srv/in"), "/srv/in");
  assertEquals(dirOf("/srv/out"), "/srv/out");
  assertEquals(dirOf("hub:1"), "/srv/out");
  assertEquals(dirOf("tls://other:2"), "/srv/out");
  assertEquals(dirOf("other:2"), "/srv/out");
  assertEquals(dirOf("hub:2"), undefined);
  const alone = destinationsOf(configOf("spooler-forward = out hub:1"));
  assertEquals(destinationFor(alone, undefined)?.spool.dir, "/srv/out");
});

const BAD: [string, string][] = [
  ["spooler-forward = out", "spooler-forward needs DIR TARGET"],
  ["spooler-forward = out hub:http", "needs a port from 0 to 65535"],
  ["spooler-forward = out hub:0", "needs a port above 0"],
  ["spooler-forward = out tls:///run/a.sock", "needs tls://host:port"],
  ["spooler-forward2 = dir=out", "needs dir=DIR,to=TARGET"],
  ["spooler-forward2 = dir=out,to=a:1,policy=random", "takes policy=failover or policy=balance"],
  ["spooler-forward2 = dir=out,to=a:1,kind=hub", "takes kind=auto, kind=spooler or kind=uwsgi"],
  [
    "spooler-forward2 = dir=out,to=a:1,kind=auto;uwsgi",
    "needs one kind= for all targets, or one for each: 1 target, 2",
  ],
  ["spooler-forward2 = dir=out,to=a:1,name=hub", "needs secret= beside name="],
  ["spooler-forward2 = dir=out,to=a:1,connections=0", "needs a whole number ≥ 1"],
  ["spooler-forward2 = dir=out,to=a:1,connections=17", "takes 16 connections at most"],
  ["spooler-forward2 = dir=out,to=a:1,secret=short", "needs 8 characters or more"],
  ["spooler-forward2 = dir=out,to=tls://a:1,cert=c.pem", "needs cert= and key= together"],
  ["spooler-forward2 = dir=out,to=a:1,ca=ca.pem", "has certificates and no target with TLS"],
  ["spooler-forward2 = dir=out,to=a:1,colour=red", "not colour="],
];

for (const [line, message] of BAD) {
  Deno.test(`refused: ${line}`, () => {
    const error = assertThrows(() => configOf(line), ConfigError);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, "/srv/site.ini:");
  });
}

for (const secret of ["of-two-sides", '"of two, sides"', "'of two, sides'"]) {
  Deno.test(`a secret is in no message: ${secret}`, () => {
    const line = `spooler-forward2 = dir=out,to=a:1,secret=${secret},policy=x`;
    const error = assertThrows(() => configOf(line), ConfigError);
    assertStringIncludes(error.message, "secret=********,policy=x");
    assertEquals(error.message.includes("sides"), false);
  });
}

for (
  const [what, ...lines] of [
    ["two forwards", "spooler-forward = out a:1", "spooler-forward2 = dir=./out,to=b:1"],
    ["a spool and a forward", "spooler = out", "spooler-forward = ./out b:1"],
    ["a spool of others and a forward", "spooler-external = out", "spooler-forward = out b:1"],
  ] as const
) {
  Deno.test(`${what} cannot share a directory`, async () => {
    const text = ["[uwsgi]", ...lines, ""].join("\n");
    const host = fakeHost({ files: { "/srv/site.ini": text } });
    const error = await assertRejects(() => loadConfig("site.ini", host), ConfigError);
    assertStringIncludes(error.message, "needs a directory of its own, and ");
  });
}

Deno.test("missing certificates are reported before the start", async () => {
  const line = "spooler-forward2 = dir=out,to=tls://a:1,ca=ca.pem";
  const host = fakeHost({ files: { "/srv/site.ini": `[uwsgi]\n${line}\n` } });
  const error = await assertRejects(() => loadConfig("site.ini", host), ConfigError);
  assertStringIncludes(error.message, "needs ca= to name an existing file");
});

Deno.test("a target may be a stream of NATS, with the login of spooler-nats", () => {
  const config = configOf(
    "spooler-forward = out nats://a:1,nats://b/jobs hub:3031",
    'spooler-forward2 = dir=two,to="nats://c:3/mail;nats://d/mail",connections=4',
    "spooler-nats = user=edge,password=hunter22x,ca=ca.pem",
  );
  const access: NatsAccess = {
    proof: { kind: "user", user: "edge", password: "hunter22x" },
    ca: "/srv/ca.pem",
  };
  assertEquals(config.nats, access);
  const [plain, tuned] = config.forwards;
  const text = "nats://a:1,nats://b/jobs";
  const address = { text, servers: ["a:1", "b:4222"], stream: "jobs" };
  assertEquals(plain?.targets[0], { protocol: "nats", text, names: [text], address, access });
  assertEquals(plain?.targets[1]?.protocol, "uwsgi");
  assertEquals(tuned?.targets.map((each) => each.text), ["nats://c:3/mail", "nats://d/mail"]);
  assertEquals(destinationFor(destinationsOf(config), text)?.spool.dir, "/srv/out");
});

Deno.test("spooler-nats takes one proof, and certificates", () => {
  const proofOf = (value: string) => configOf(`spooler-nats = ${value}`).nats;
  assertEquals(proofOf("creds=a.creds"), {
    proof: { kind: "creds", file: "/srv/a.creds" },
    ca: null,
  });
  assertEquals(proofOf("nkey=/etc/seed").proof, { kind: "nkey", file: "/etc/seed" });
  assertEquals(proofOf("ca=ca.pem"), { proof: null, ca: "/srv/ca.pem" });
  assertEquals(configOf("spooler = s").nats, { proof: null, ca: null });
});

Deno.test("what is wrong with a stream or its login is said, without the password", () => {
  const cases = [
    ["spooler-forward = out nats://a:1", "needs nats://HOST:PORT"],
    ["spooler-forward = out nats://me:hunter22x@a:1/jobs", "are for spooler-nats"],
    ["spooler-forward2 = dir=out,to=nats://a/jobs,kind=spooler", "where every target is a peer"],
    ["spooler-forward2 = dir=out,to=nats://a/jobs,ca=ca.pem", "no target with TLS"],
    ["spooler-nats = user=edge", "needs user= and password= together"],
    ["spooler-nats = nkey=a,user=edge,password=hunter22x", "needs one of creds=FILE"],
    ["spooler-nats = token=hunter22x", "takes creds, nkey, user, password, ca"],
    ["spooler-nats = password=hunter22x", "needs one of creds=FILE"],
  ] as const;
  for (const [line, message] of cases) {
    const { message: said } = assertThrows(() => configOf(line), ConfigError);
    assertStringIncludes(said, message);
    assertEquals(said.includes("hunter22x"), false, said);
  }
});

Deno.test("spooler-stream is a stream whose tasks run here, in a directory of its own", () => {
  const [all, some] = configOf(
    "spooler-max-retries = 7",
    "spooler-stream = nats://a:1,nats://b/jobs",
    "spooler-stream = nats://a:1,nats://b/mail,processes=4,harakiri=30,retries=2,ack-wait=60,functions=send bounce",
  ).streams;
  assertEquals(all?.address.servers, ["a:1", "b:4222"]);
  assertEquals([all?.functions, all?.ackWaitMs], [null, 30_000]);
  assertEquals([all?.spool.processes, all?.spool.retry.maxRetries], [1, 7]);
  assertEquals([all?.spool.fsync, all?.spool.external], [false, false]);
  assertEquals(some?.address.stream, "mail");
  assertEquals([some?.functions, some?.ackWaitMs], [["send", "bounce"], 60_000]);
  const { processes, harakiriMs, retry, dir } = some?.spool ?? {};
  assertEquals([processes, harakiriMs, retry?.maxRetries], [4, 30_000, 2]);
  assertEquals(/^\/(?:dev\/shm|tmp)\/spooler-[0-9a-f]{16}\/mail$/.test(dir ?? ""), true, dir);
  assertEquals(all?.spool.dir === some?.spool.dir, false);
  const quoted = configOf('spooler-stream = nats://a/jobs,functions="f g",processes=2').streams[0];
  assertEquals([quoted?.functions, quoted?.spool.processes], [["f", "g"], 2]);
});

Deno.test("what is wrong with a spooler-stream is said", () => {
  const cases = [
    ["spooler-stream = jobs", "needs nats://HOST:PORT"],
    ["spooler-stream = nats://a/jobs,processes=0", "needs a whole number"],
    ["spooler-stream = nats://a/jobs,colour=red", "takes processes, harakiri"],
    ["spooler-stream = nats://a/jobs,processes=2 f", "without blanks"],
    ["spooler-stream = nats://a/jobs,ack-wait=0", "needs a number of seconds"],
  ] as const;
  for (const [line, message] of cases) {
    const { message: said } = assertThrows(() => configOf(line), ConfigError);
    assertStringIncludes(said, message);
  }
});
