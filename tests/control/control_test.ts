/** The control socket: who may speak, how much, and what is left of it. */

import { join } from "@std/path";
import { askPrograms } from "../../src/control/control_client.ts";
import { ControlServer } from "../../src/control/control_server.ts";
import {
  type ControlRequest,
  MOST_REQUEST_BYTES,
  readControlRequest,
  requestLine,
} from "../../src/control/protocol.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { testWith } from "../support/require.ts";
import { openUnsynced } from "../support/store.ts";
import { tempDir } from "../support/temp.ts";
import { until } from "../support/until.ts";

interface Controlled {
  readonly dir: string;
  /** Of each request that was understood. */
  readonly requests: ControlRequest[];
  readonly names: () => string[];
  ask(request: ControlRequest): Promise<unknown[]>;
  say(text: string): Promise<string>;
  connect(): Promise<Deno.Conn>;
}

async function withServer(
  work: (it: Controlled) => Promise<void>,
  answer: () => Promise<unknown> = () => Promise.resolve("fine"),
): Promise<void> {
  await using temp = await tempDir();
  // Longer than the path of a socket may be.
  const dir = join(temp.path, "x".repeat(120));
  const store = await openUnsynced(dir);
  const warnings: string[] = [];
  const requests: ControlRequest[] = [];
  const server = new ControlServer({
    sockets: store.controlSockets,
    clock: systemClock,
    checkMs: 10,
    answer: (request) => {
      requests.push(request);
      return answer();
    },
    warn: (message) => warnings.push(message),
  });
  const control = join(dir, ".spooler/control");
  const connect = async () => {
    const { value } = await store.controlSockets.connect().next();
    return value as Deno.Conn;
  };
  try {
    await server.open();
    await work({
      dir,
      requests,
      names: () => [...Deno.readDirSync(control)].map(({ name }) => name),
      ask: (request) => Array.fromAsync(askPrograms(store.controlSockets, request, systemClock)),
      connect,
      async say(text) {
        using connection = await connect();
        await connection.write(new TextEncoder().encode(text)).catch(() => {});
        return await new Response(connection.readable).text().catch(() => "");
      },
    });
    assertEquals(warnings, []);
  } finally {
    server.close();
    store.close();
  }
  assertEquals([...Deno.readDirSync(control)], []);
}

testWith("libc", "one request is answered with one line of JSON", async () => {
  await withServer(async ({ ask, requests, names, dir }) => {
    assertEquals(await ask({ do: "snapshot" }), ["fine"]);
    const wish = { fate: "retry", signal: "SIGINT" } as const;
    const task = "uwsgi_spoolfile_on_h_\udcff";
    await ask({ do: "kill", by: "ann\n", task, wish });
    await ask({ do: "run-job", by: "ann", job: "nightly" });
    await ask({ do: "limit", task });
    assertEquals(requests, [
      { do: "snapshot" },
      { do: "kill", by: "ann\\x0a", task, wish },
      { do: "run-job", by: "ann", job: "nightly" },
      { do: "limit", task },
    ]);
    const { mode } = Deno.lstatSync(join(dir, ".spooler/control", names()[0] ?? ""));
    assertEquals((mode ?? 0) & 0o777, 0o600);
  });
});

testWith("libc", "what is no request is refused with its reason, and nothing is done", async () => {
  await withServer(async ({ say, requests }) => {
    for (
      const [line, reason] of [
        ["hello", "a request is one line of JSON"],
        ["[]", "a request must be an object: []"],
        ['{"spooler":2,"do":"snapshot"}', "version 1 of the control protocol, not 2"],
        ['{"spooler":1,"do":"halt"}', 'there is no request "halt"'],
        ['{"spooler":1,"do":"kill","by":"a","task":7}', "task must be a text: 7"],
        [
          '{"spooler":1,"do":"kill","by":"a","task":"t","wish":{"fate":"x"}}',
          "fate must be one of",
        ],
        [
          '{"spooler":1,"do":"kill","by":"a","task":"t","wish":{"fate":"fail","signal":"WINCH"}}',
          'unknown signal "WINCH"',
        ],
      ] as const
    ) {
      const { error } = JSON.parse(await say(`${line}\n`));
      assert(error.includes(reason), `${line}: ${error}`);
    }
    const long = await say(`${"x".repeat(MOST_REQUEST_BYTES + 100_000)}\n`);
    // The rest of it was never read: the answer may be lost with the connection.
    assert(long === "" || long.includes("bytes at most"), long);
    assertEquals(requests, []);
  });
});

testWith(
  "libc",
  "connections beyond a number are hung up on, and the others are answered",
  async () => {
    await withServer(async ({ ask, connect }) => {
      const open: Deno.Conn[] = [];
      for (let at = 0; at < 16; at++) open.push(await connect());
      const extra = await connect();
      assertEquals(await extra.read(new Uint8Array(1)).catch(() => null), null);
      extra.close();
      const [first] = open;
      await first?.write(new TextEncoder().encode(requestLine({ do: "snapshot" })));
      assertEquals(await new Response(first?.readable).text(), '{"result":"fine"}\n');
      for (const each of open.slice(1)) each.close();
      let answers: unknown[] = [];
      await until(async () => (answers = await ask({ do: "snapshot" })).length === 1, "room");
      assertEquals(answers, ["fine"]);
    });
  },
);

testWith(
  "libc",
  "a socket that somebody moves or removes is made again",
  async () => {
    await withServer(async ({ ask, names, dir }) => {
      const [own = ""] = names();
      const control = join(dir, ".spooler/control");
      await Deno.rename(join(control, own), join(control, "4194305_7"));
      await until(() => names().length === 2, "a new one");
      assert(!names().includes(own));
      await until(async () => (await ask({ do: "snapshot" })).length === 1, "an answer");
      Deno.removeSync(join(control, "4194305_7"));
    });
  },
);

testWith(
  "libc",
  "a socket that cannot be made is one warning, and made when it can be",
  async () => {
    await using temp = await tempDir();
    const store = await openUnsynced(temp.path);
    const warnings: string[] = [];
    let tries = 0;
    const server = new ControlServer({
      sockets: {
        listen() {
          tries++;
          return store.controlSockets.listen();
        },
      },
      clock: systemClock,
      checkMs: 10,
      answer: () => Promise.resolve("fine"),
      warn: (message) => warnings.push(message),
    });
    const control = join(temp.path, ".spooler/control");
    try {
      await Deno.writeTextFile(control, "");
      await server.open();
      await until(() => tries > 2, "another try");
      assertEquals(warnings.length, 1);
      assert(warnings[0]?.startsWith("no control socket, so status and kill do not reach"));
      await Deno.remove(control);
      const ask = () =>
        Array.fromAsync(askPrograms(store.controlSockets, { do: "snapshot" }, systemClock));
      await until(async () => (await ask()).length === 1, "an answer");
    } finally {
      server.close();
      store.close();
    }
  },
);

testWith("libc", "what a killed program has left is not asked", async () => {
  await withServer(async ({ ask, dir }) => {
    const path = join(dir, ".spooler/control/1_7");
    const short = Deno.makeTempDirSync();
    const left = Deno.listen({ transport: "unix", path: join(short, "s") });
    Deno.renameSync(join(short, "s"), path);
    left.close();
    Deno.removeSync(short);
    assertEquals(await ask({ do: "snapshot" }), ["fine"]);
    Deno.removeSync(path);
  });
});

testWith(
  ["libc", "root"],
  "another user is hung up on, and a socket of another user is not asked",
  async () => {
    await withServer(async ({ ask, names, dir, requests }) => {
      const path = join(dir, ".spooler/control", names()[0] ?? "");
      // Somebody has let everybody in.
      for (
        const each of [join(dir, ".."), dir, join(dir, ".spooler"), join(dir, ".spooler/control")]
      ) {
        Deno.chmodSync(each, 0o755);
      }
      Deno.chmodSync(path, 0o666);
      const socket = `${dir}/../s`;
      Deno.linkSync(path, socket);
      const code =
        `use Socket; $SIG{PIPE} = "IGNORE"; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die;
connect($s, pack_sockaddr_un("s")) or die "no connection"; $| = 1;
syswrite($s, '{"spooler":1,"do":"snapshot"}' . "\\n"); sysread($s, my $answer, 100); print "<$answer>"`;
      const { stdout, stderr } = await new Deno.Command("/usr/bin/perl", {
        args: ["-e", code],
        cwd: join(dir, ".."),
        uid: 65534,
        gid: 65534,
      }).output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals(said, "<>");
      assertEquals(requests, []);
      Deno.removeSync(socket);
      Deno.chownSync(path, 65534, 65534);
      assertEquals(await ask({ do: "snapshot" }), []);
      Deno.chownSync(path, 0, 0);
    });
  },
);

Deno.test("a request is read strictly", () => {
  assertThrows(
    () => readControlRequest('{"spooler":1}'),
    SyntaxError,
    "there is no request nothing",
  );
});
