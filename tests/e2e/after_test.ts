/** Tasks that start when others are done: in order, behind failures, restarts and kills. */

import { join } from "@std/path";
import { connect, Spool } from "../../src/client/mod.ts";
import { isTaskName, shortLabel, taskLabel } from "../../src/spool/layout.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { makeTlsParties } from "../support/certificates.ts";
import { programLabel, spooler } from "../support/program.ts";
import { PythonClient } from "../support/python_client.ts";
import { testWith } from "../support/require.ts";
import { makeSite, portIn, pushTask, type Site } from "../support/site.ts";
import { until } from "../support/until.ts";

const LINES = [
  "spooler-processes = 4",
  "spooler-max-retries = 1",
  // The first of a chain takes its time, so that the next would overtake it.
  `spooler-task = name=step sleep "\${SPOOL_FOR:-0}"; echo "$SPOOL_N" >> steps`,
  "spooler-task = name=bad exit 65",
];

const stepsOf = (site: Site) => {
  try {
    return Deno.readTextFileSync(join(site.dir, "steps")).trimEnd().split("\n").join(" ");
  } catch {
    return "";
  }
};

const waitingIn = (dir: string) =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).filter(isTaskName);

async function ended(spool: Spool, name: string) {
  await until(async () => ["gone", "failed"].includes((await spool.status(name)).state), name);
  return await spool.status(name);
}

const row = async (site: Site, name: string) => {
  const { stdout } = await spooler(["list", "--ini", site.ini]);
  return stdout.split("\n").find((line) => line.includes(shortLabel(name))) ?? stdout;
};

Deno.test(`${programLabel}: tasks run after one another, whoever puts them`, async () => {
  await using site = await makeSite("socket = 127.0.0.1:0", ...LINES);
  await pushTask(site, "--create", "--priority", "3", "ud_spool_func=step", "n=0");
  await using program = await site.start();
  await program.line(/ done \(/);
  const spool = new Spool(site.spool);
  const step = (n: number, more = {}) => ({ task: "step", keys: { n }, ...more });
  const names = await spool.chain(
    step(1, { keys: { n: 1, for: "0.3" } }),
    step(2, { priority: 1 }),
    step(3),
  );
  // By a command, behind two; over a socket, behind that.
  const both = `${names[0]},${names[2]}`;
  const fourth = await pushTask(site, "--after", both, "ud_spool_func=step", "n=4");
  const address = / socket (\S+)$/.exec(await program.line(/ socket \S+$/))?.[1] ?? "";
  await using hub = connect(address);
  const overTheSocket = () =>
    hub.chain(
      step(5, { after: taskLabel(fourth), id: "five" }),
      step(6, { unique: "six", id: "six" }),
      step(7, { priority: 2, id: "seven" }),
    );
  const over = await overTheSocket();
  await program.line(/ done \(/, 8);
  assertEquals(stepsOf(site), "0 1 2 3 4 5 6 7");
  // Put again it is the same.
  assertEquals(await overTheSocket(), over);
  // What it waits for is done already.
  const last = await spool.put("step", { n: 8 }, { after: [...names, ...over] });
  assertEquals((await ended(spool, last)).state, "gone");
  assertEquals(stepsOf(site), "0 1 2 3 4 5 6 7 8");
});

Deno.test(`${programLabel}: what waits for a task that is given up is given up, and says so`, async () => {
  await using site = await makeSite(...LINES);
  await pushTask(site, "--create", "ud_spool_func=step", "n=0");
  await spooler(["pause", "--ini", site.ini]);
  const spool = new Spool(site.spool);
  const [bad = "", second = "", third = ""] = await spool.chain(
    ...[{ task: "bad" }, { task: "step", keys: { n: 1 } }, { task: "step", keys: { n: 2 } }],
  );
  // It waits for a task, and for its time only behind that.
  const { stdout: json } = await spooler(["show", "--dir", site.spool, "--json", third]);
  const { waitsFor, dueAt } = JSON.parse(json) as { waitsFor: string[]; dueAt: unknown };
  assertEquals([waitsFor, dueAt], [[second], null]);
  assertMatch(await row(site, third), new RegExp(`^deferred .* after ${shortLabel(second)} `));
  const { stdout: text } = await spooler(["show", "--dir", site.spool, second]);
  assertStringIncludes(text, `deferred until these are done: ${taskLabel(bad)}\n`);
  {
    await using program = await site.start();
    await program.line(/ ready$/);
  }
  // It survives the end of a program, and what happens while none runs.
  await using program = await site.start();
  await spooler(["resume", "--ini", site.ini]);
  const reason = (name: string) => `it was to start after ${taskLabel(name)}, which was given up`;
  await program.line(new RegExp(`given up.*${taskLabel(second)}`));
  for (const [name, before] of [[second, bad], [third, second]] as const) {
    const end = await ended(spool, name);
    assertEquals(end.state === "failed" && end.reason, reason(before));
  }
  assertEquals([waitingIn(site.spool), stepsOf(site)], [[], "0"]);
  // Retried it waits again, unless nothing is in its way.
  const retried = async (name: string) => await spooler(["retry", "--ini", site.ini, name]);
  assertEquals((await retried(second)).code, 0);
  await program.line(new RegExp(`given up.*${taskLabel(bad)}`), 2);
  await spooler(["remove", "--ini", site.ini, bad]);
  await retried(second);
  assertEquals((await ended(spool, second)).state, "gone");
  await retried(third);
  assertEquals([(await ended(spool, third)).state, stepsOf(site)], ["gone", "0 1 2"]);
});

Deno.test(`${programLabel}: a chain goes on behind kills of the program, each in its turn`, async () => {
  await using site = await makeSite(...LINES);
  await pushTask(site, "--create", "ud_spool_func=step", "n=0");
  const spool = new Spool(site.spool);
  const steps = Array.from({ length: 4 }, (_, n) => {
    return { task: "step", keys: { n: n + 1, for: "0.2" } };
  });
  const names = await spool.chain(...steps);
  for (const name of names.slice(0, 3)) {
    await using program = await site.start();
    await program.line(new RegExp(`${taskLabel(name)} started`));
    program.signal("SIGKILL");
    await program.ended();
  }
  await using _program = await site.start();
  assertEquals((await ended(spool, names.at(-1) ?? "")).state, "gone");
  // What was killed may have run twice, but none before its turn.
  const order = stepsOf(site).split(" ").map(Number).filter((n) => n > 0);
  assertEquals(order, order.toSorted());
  assertEquals([...new Set(order)], [1, 2, 3, 4]);
});

testWith(
  "openssl",
  `${programLabel}: a chain over TLS is put once, with the same names behind a kill`,
  async () => {
    await using site = await makeSite(
      ...LINES,
      "suwsgi-socket = 127.0.0.1:0,server.pem,server.key",
      "spooler-secret = correct horse battery staple",
    );
    await makeTlsParties(site.dir);
    const options = {
      ca: await Deno.readTextFile(join(site.dir, "ca.pem")),
      secret: "correct horse battery staple",
    };
    const put: string[][] = [];
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await using program = await site.start();
      const port = portIn(await program.line(/ socket \S+$/));
      await using hub = connect(`tls://localhost:${port}`, options);
      const steps = [1, 2, 3].map((n) => ({
        task: "step",
        keys: { n, for: "0.1" },
        id: `step-${n}`,
      }));
      put.push(await hub.chain(...steps));
      if (signal === "SIGTERM") {
        await until(() => waitingIn(site.spool).length === 0, "all are gone");
      }
      program.signal(signal);
      await program.ended();
    }
    assertEquals(put[1], put[0]);
    // What was killed may have run twice.
    assertEquals([...new Set(stepsOf(site).split(" "))], ["1", "2", "3"]);
  },
);

Deno.test(`${programLabel}: what no task can be named is refused`, async () => {
  await using site = await makeSite(...LINES);
  await pushTask(site, "--create", "a=b");
  for (
    const [after, reason] of [[" ", "needs the name of a task"], [
      "../x",
      'needs names of tasks: "../x"',
    ]]
  ) {
    const { code, stderr } = await spooler([
      "push",
      "--dir",
      site.spool,
      `--after=${after}`,
      "a=b",
    ]);
    assertEquals([code, stderr], [2, `spooler: spooler_after ${reason}\n`]);
  }
  const spool = new Spool(site.spool);
  const { message } = await spool.put("f", {}, { after: [""] }).catch((error) =>
    error as Error
  ) as Error;
  assert(message === "spooler_after needs the name of a task", message);
});

testWith("python", `${programLabel}: a chain of the Python client`, async () => {
  await using site = await makeSite(...LINES);
  await pushTask(site, "--create", "ud_spool_func=step", "n=0");
  await using python = await PythonClient.make();
  const names = await python.run(`
import spooler_client
client = spooler_client.Client(${JSON.stringify(site.spool)})
names = client.chain(("step", {"n": "1", "for": "0.3"}), spooler_client.Task("step", {"n": "2"}), ("step", {"n": "3"}))
print(*names, sep="\\n")
print(client.status(names[2]).state)
try:
    client.put("f", after="a/")
except spooler_client.Refused as error:
    print(error)
client.put("step", {"n": "4"}, after=names[2])
`);
  assertEquals(names.slice(3), ["deferred", "spooler_after needs the name of a task"]);
  await using program = await site.start();
  await program.line(/ done \(/, 5);
  await until(() => waitingIn(site.spool).length === 0, "all are gone");
  assertEquals(stepsOf(site), "0 1 2 3 4");
});
