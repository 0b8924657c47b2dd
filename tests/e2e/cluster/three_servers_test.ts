/** The three servers of docs/cluster.md, with its inis: TLS, nkeys, and an edge that may only deliver. */

import { createUser } from "@nats-io/nkeys";
import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { makeTlsParties } from "../../support/certificates.ts";
import { deliver, Machine } from "../../support/cluster_site.ts";
import { ELECTION_PATIENCE_MS } from "../../support/nats_cluster.ts";
import { NatsServer } from "../../support/nats.ts";
import { quietPort } from "../../support/port.ts";
import { programLabel, spooler } from "../../support/program.ts";
import { testWith } from "../../support/require.ts";
import { tempDir } from "../../support/temp.ts";
import { pause, until } from "../../support/until.ts";

const PAGE = new URL("../../../docs/cluster.md", import.meta.url);
const POLL_MS = 100;

/** The blocks of a kind behind a heading, up to the next heading. */
async function blocksBehind(heading: string, kind: string): Promise<string[]> {
  const text = await Deno.readTextFile(PAGE);
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const blocks = section.matchAll(/```(\w*)\n(.*?)```/gs);
  return [...blocks].flatMap(([, found, block]) => found === kind && block ? [block] : []);
}

testWith(
  ["nats", "openssl"],
  `${programLabel}: the three servers of docs/cluster.md, with TLS and nkeys`,
  async () => {
    await using temp = await tempDir();
    const file = (name: string) => join(temp.path, name);
    await makeTlsParties(temp.path);
    const seeds: string[] = [];
    const keyOf = async (name: string) => {
      const user = createUser();
      const seed = new TextDecoder().decode(user.getSeed());
      seeds.push(seed);
      await Deno.writeTextFile(file(`${name}.seed`), `${seed}\n`, { mode: 0o600 });
      return user.getPublicKey();
    };
    const keys = { edge: await keyOf("edge"), worker: await keyOf("worker") };
    const [conf = ""] = await blocksBehind("Three servers to copy", "");
    const [edgeIni = "", workerIni = ""] = await blocksBehind("Three servers to copy", "ini");
    const routes = { a: quietPort(), b: quietPort(), c: quietPort() };
    const known = new TextDecoder().decode(
      (await new Deno.Command("nats-server", { args: ["--version"] }).output()).stdout,
    );
    const withoutSync = / v2\.[0-9]\./.test(known);
    /** What differs from machine to machine, and here from port to port. */
    const confOf = (name: keyof typeof routes) =>
      conf.replace("server_name: a", `server_name: ${name}`)
        .replace(/listen: 0\.0\.0\.0:4222\n/, "")
        .replace(/store_dir: \S+/, `store_dir: ${file(`store-${name}`)}`)
        .replace(/sync_interval.*\n/, (line) => withoutSync ? "" : line)
        .replace("0.0.0.0:6222", `127.0.0.1:${routes[name]}`)
        .replace(
          /nats:\/\/([abc]):6222/g,
          (_, other: keyof typeof routes) => `nats://127.0.0.1:${routes[other]}`,
        )
        .replaceAll("/etc/nats/", `${temp.path}/`)
        .replace("UEDGE", keys.edge).replace("UWORKER", keys.worker);
    await using a = await NatsServer.startWith(confOf("a"));
    await using b = await NatsServer.startWith(confOf("b"));
    await using c = await NatsServer.startWith(confOf("c"));
    const ports = { a: a.port, b: b.port, c: c.port };
    const port = quietPort();
    const iniOf = (text: string) =>
      text.replace(
        /nats:\/\/([abc]):4222/g,
        (_, name: keyof typeof ports) => `nats://127.0.0.1:${ports[name]}`,
      )
        .replace("/etc/spooler/nats-ca.pem", file("ca.pem"))
        .replaceAll("/etc/spooler/", `${temp.path}/`)
        .replace("127.0.0.1:3031", `127.0.0.1:${port}`)
        .replace("/var/spool/mail", file("mail"))
        .replace("spooler-import = /srv/site/tasks.py", "spooler-task = name=note wc -c");
    const linesOf = (text: string) => iniOf(text).split("\n").filter((line) => line !== "[uwsgi]");
    const [, address = ""] = /spooler-forward = \S+ (\S+)/.exec(iniOf(edgeIni)) ?? [];

    const worker = file("worker.ini");
    await Deno.writeTextFile(worker, iniOf(workerIni));
    const create = ["stream", "create", address, "--replicas", "3", "--ini", worker];
    await until(
      async () => {
        const { code, stdout } = await spooler(create);
        if (code === 0) assertMatch(stdout, /^mail: 0 tasks, on 3 servers, led by [abc]/);
        else await pause(POLL_MS);
        return code === 0;
      },
      "the servers make a stream",
      ELECTION_PATIENCE_MS,
    );

    await using edge = await Machine.start(file("edge"), linesOf(edgeIni));
    await using one = await Machine.start(file("worker"), linesOf(workerIni));
    assert(await deliver(port, 1));
    await one.program.line(/ note \S+ done/);
    const large = ["push", "--ini", edge.ini, "--body-file", "-", "ud_spool_func=note"];
    assertEquals((await spooler(large, "x".repeat(2_000_000))).code, 0);
    await one.program.line(/note\| 2000000$/);

    // The edge's key opens no more than it must.
    const shown = await spooler(["stream", "show", address, "--ini", edge.ini]);
    assertEquals(shown.code, 1, shown.stdout);
    assertMatch(shown.stderr, /permissions violation/i);
    assertEquals(await Promise.all([edge.stop(), one.stop()]), [0, 0]);
    for (const seed of seeds) assert(![edge, one].some(({ log }) => log.includes(seed)));
  },
);
