/** The program and a real nats-server: an edge that delivers to a stream, and `spooler stream`. */

import { createUser } from "@nats-io/nkeys";
import { join } from "@std/path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { NatsServer } from "../support/nats.ts";
import { quietPort } from "../support/port.ts";
import { Program, programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

const PASSWORD = "correct-horse-battery";

testWith(
  ["nats", "openssl"],
  `${programLabel}: an edge logs in by password or nkey, over TLS, and no secret is logged`,
  async () => {
    await using temp = await tempDir();
    const file = (name: string) => join(temp.path, name);
    await makeTlsParties(temp.path);
    const user = createUser();
    const seed = new TextDecoder().decode(user.getSeed());
    await Deno.writeTextFile(file("password"), PASSWORD);
    await Deno.writeTextFile(file("seed"), `${seed}\n`);
    await using server = await NatsServer.start(
      `tls { cert_file: "${file("server.pem")}", key_file: "${file("server.key")}" }
       authorization { users: [
         { user: edge, password: "${PASSWORD}" }, { nkey: ${user.getPublicKey()} }
       ] }`,
    );
    const address = server.address("jobs");
    const logins = {
      password: `user=edge,password=@(${file("password")}),ca=ca.pem`,
      nkey: "nkey=seed,ca=ca.pem",
    };
    for (const [name, login] of Object.entries(logins)) {
      const ini = file(`${name}.ini`);
      const lines = [`spooler-forward = to-${name} ${address}`, `spooler-nats = ${login}`];
      await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
      const made = await spooler(["stream", "create", address, "--ini", ini]);
      assertEquals(made.code, 0, made.stderr);
      assertMatch(made.stdout, /^jobs: \d tasks?, on one server; server \d/);
      assertEquals((await spooler(["push", "--ini", ini, "ud_spool_func=f"])).code, 0);
      await using edge = await Program.start(["--ini", ini]);
      await edge.line(/ f \S+ done/);
      assertEquals(await edge.stop(), 0);
      const checked = await spooler(["check", ini]);
      const asJson = await spooler(["check", ini, "--json"]);
      assertStringIncludes(checked.stdout, `to ${address}`);
      for (const text of [edge.log, checked.stdout, asJson.stdout]) {
        assert(!text.includes(PASSWORD) && !text.includes(seed), text);
      }
    }
    const shown = await spooler(["stream", "show", address, "--ini", file("nkey.ini"), "--json"]);
    assertEquals(JSON.parse(shown.stdout).tasks.messages, 2);

    // Wrong passwords, and servers whose certificate nobody has vouched for.
    const wrong = file("wrong.ini");
    const write = (login: string) =>
      Deno.writeTextFile(
        wrong,
        `[uwsgi]\nspooler-forward = wrong ${address}\nspooler-nats = ${login}\n`,
      );
    const cases = [
      [
        "user=edge,password=wrong-horse-battery,ca=ca.pem",
        /Authorization Violation for user edge of spooler-nats/,
      ],
      [`user=edge,password=${PASSWORD}`, /connect to 127\.0\.0\.1:\d+: .*certificate/i],
      [`user=edge,password=${PASSWORD},ca=stranger-ca.pem`, /certificate/i],
    ] as const;
    for (const [login, reason] of cases) {
      await write(login);
      const { code, stdout, stderr } = await spooler(["stream", "show", address, "--ini", wrong]);
      assertEquals([code, stdout], [1, ""]);
      assertMatch(stderr, reason);
      assert(!stderr.includes("horse"), stderr);
    }
    await write("user=edge,password=wrong-horse-battery,ca=ca.pem");
    await spooler(["push", "--ini", wrong, "ud_spool_func=f"]);
    await using edge = await Program.start(["--ini", wrong]);
    await edge.line(/ is down: .*Authorization Violation.*; its tasks wait$/);
    assertEquals(await edge.stop(), 0);
    assert(!edge.log.includes("horse"), edge.log);
  },
);

testWith(
  "nats",
  `${programLabel}: a server without TLS gets no password when there is a ca=`,
  async () => {
    await using temp = await tempDir();
    await using server = await NatsServer.start();
    const ini = join(temp.path, "site.ini");
    await Deno.writeTextFile(join(temp.path, "ca.pem"), "");
    const lines = [
      `spooler-forward = out ${server.address("jobs")}`,
      `spooler-nats = user=edge,password=${PASSWORD},ca=ca.pem`,
    ];
    await Deno.writeTextFile(ini, ["[uwsgi]", ...lines, ""].join("\n"));
    const { code, stderr } = await spooler([
      "stream",
      "show",
      server.address("jobs"),
      "--ini",
      ini,
    ]);
    assertEquals(code, 1);
    assertMatch(stderr, /it offers no TLS, and spooler-nats has ca=\n$/);
  },
);

testWith(
  "nats",
  `${programLabel}: stream makes a stream, shows it, changes it, and says what is wrong`,
  async () => {
    await using server = await NatsServer.start();
    const address = server.address("mail");
    const run = (...args: string[]) => spooler(["stream", ...args]);
    const missing = await run("show", address);
    assertEquals([missing.code, missing.stdout, missing.stderr], [
      1,
      "",
      `spooler: there is no stream mail; make it by spooler stream create ${address}\n`,
    ]);
    const made = await run("create", address, "--max-tasks", "7", "--dedup-window", "10m");
    assertEquals(made.code, 0, made.stderr);
    const lines = made.stdout.split("\n");
    assertMatch(lines[0] ?? "", /^mail: 0 tasks, on one server; server \d+\.\d+\.\d+$/);
    assertEquals(lines.slice(1), [
      "mail_failed: 0 tasks given up",
      "OBJ_mail_bodies: 0 bytes of large bodies",
      "",
    ]);
    assertMatch(made.stderr, /^spooler: warning: .*power cut may lose/);
    const config = async () => {
      using link = await server.link("mail");
      const { config } = await link.manager.streams.info("mail");
      link.close();
      await link.ended();
      return [config.max_msgs, config.duplicate_window, config.retention, config.discard];
    };
    assertEquals(await config(), [7, 600_000_000_000, "workqueue", "new"]);
    assertEquals((await run("create", address)).code, 0);
    assertEquals(await config(), [-1, 3_600_000_000_000, "workqueue", "new"]);
    const copies = await run("create", address, "--replicas", "3");
    // A server after 2.10 refuses what it cannot do; those before take it, and have one copy.
    if (copies.code === 0) {
      assertMatch(copies.stdout, /^mail: 0 tasks, on one server;/);
      assertMatch(copies.stderr, /is to have 3 replicas, and its server belongs to no cluster/);
    } else {
      assertMatch(
        copies.stderr,
        /^spooler: [^\n]*replicas > 1 not supported in non-clustered mode\n$/,
      );
    }

    const away = `nats://127.0.0.1:${quietPort()}/mail`;
    const refused = await run("show", away);
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /^spooler: connect to 127\.0\.0\.1:\d+: Connection refused\n$/);
    for (
      const args of [
        [],
        ["drop", address],
        ["show"],
        ["show", "hub:3031"],
        ["show", address, "--replicas", "3"],
        ["create", address, "--replicas", "7"],
        ["create", address, "--max-tasks", "0"],
        ["create", "nats://me:hunter22x@a/mail"],
      ]
    ) {
      const { code, stderr } = await run(...args);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^spooler: [^\n]+\n$/);
      assert(!stderr.includes("hunter22x"), stderr);
    }
  },
);
