import { entriesOf } from "../support/entries.ts";
import { interpret } from "../../src/config/interpret.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const configOf = (...lines: string[]) => interpret(entriesOf(lines), "/srv/site.ini");

Deno.test("an empty ini has nothing to do, and uWSGI's defaults", () => {
  const { config } = configOf();
  assertEquals([config.spools, config.listeners, config.schedules], [[], [], []]);
  const [spool] = configOf("spooler = /s").config.spools;
  assertEquals(spool, {
    dir: "/s",
    processes: 1,
    frequencyMs: 30_000,
    harakiriMs: null,
    ordered: false,
    fsync: true,
    retry: { delayMs: 30_000, maxDelayMs: 3_600_000, maxRetries: 0 },
    cwd: "/srv",
    maxAgeMs: null,
    failedMaxAgeMs: null,
    onFailure: null,
    rate: null,
    limits: { maxFiles: null, minFreeBytes: null },
    external: false,
  });
});

Deno.test("relative paths are relative to the ini", () => {
  const { config } = configOf("spooler = jobs", "socket = run/x.sock");
  assertEquals(config.spools[0]?.dir, "/srv/jobs");
  assertEquals(config.listeners[0]?.address, { kind: "unix", path: "/srv/run/x.sock" });
});

Deno.test("a task command may have a name; what is no setting is the command", () => {
  const { config } = configOf(
    "spooler-task = name=send_mail ./send --to x",
    "spooler-task = FOO=bar ./rest a,b",
  );
  assertEquals(config.tasks.map(({ name, command }) => [name, command]), [
    ["send_mail", "./send --to x"],
    [null, "FOO=bar ./rest a,b"],
  ]);
});

Deno.test("spooler2 is a spool with settings of its own", () => {
  const { config } = configOf(
    "spooler-processes = 4",
    "spooler2 = dir=mail,processes=2,harakiri=30,retries=5,rate=10/s,max-age=2h,failed-max-age=30d",
  );
  const [spool] = config.spools;
  assertEquals([spool?.dir, spool?.processes, spool?.harakiriMs], ["/srv/mail", 2, 30_000]);
  assertEquals([spool?.retry.maxRetries, spool?.maxAgeMs], [5, 7_200_000]);
  assertEquals(spool?.failedMaxAgeMs, 30 * 86_400_000);
  assertEquals(spool?.rate, { count: 10, perMs: 1000 });
});

Deno.test("spooler-external is a spool for others to work through", () => {
  assertEquals(configOf("spooler-external = x").config.spools[0]?.external, true);
});

Deno.test("a task command may have limits of its own", () => {
  const [task] = configOf(
    "spooler-task = name=a,processes=2,harakiri=0,retries=3,stdin=json ./a",
  ).config.tasks;
  assertEquals(
    [task?.processes, task?.harakiriMs, task?.maxRetries, task?.stdin],
    [2, null, 3, "json"],
  );
});

Deno.test("tasks of a function, or with the same value of a key, may have a limit", () => {
  const { tasks, taskLimits } = configOf(
    "spooler-limit = name=a,processes=2",
    "spooler-limit = concurrency-key=customer,processes=1",
    "spooler-task = name=b,concurrency-key=k,processes=3 ./b",
  ).config;
  assertEquals(taskLimits, [
    { func: "a", key: null, processes: 2 },
    { func: null, key: "customer", processes: 1 },
    { func: "b", key: "k", processes: 3 },
  ]);
  assertEquals(tasks[0]?.processes, null);
});

Deno.test("env adds to the environment, unenv takes away", () => {
  assertEquals(configOf("env = A=b=c", "unenv = HOME").config.env, { A: "b=c", HOME: null });
});

const BAD: [string, string][] = [
  [
    "spooler-frequency = 0,99",
    'spooler-frequency needs a number of seconds ≥ 0.05, or a duration such as 5m: "0,99"',
  ],
  [
    "spooler-frequency = 0.01",
    'spooler-frequency needs a number of seconds ≥ 0.05, or a duration such as 5m: "0.01"',
  ],
  ["spooler =", 'spooler needs a value: ""'],
  ["spooler-task = name=x", 'spooler-task needs a command: "name=x"'],
  ["spooler-task = name=x,nice=1 ./y", 'not "nice=1"'],
  ["spooler2 = processes=2", "needs dir=DIR"],
  ["spooler-rate = 10", "spooler-rate needs N/s, N/m or N/h"],
  ["spooler-min-free = lots", "spooler-min-free needs a size"],
  ["spooler-task = stdin=xml ./x", "takes stdin=body or stdin=json"],
  ["spooler-task = concurrency-key=k,processes=1 ./x", "needs name= and processes= beside"],
  ["spooler-task = name=x,concurrency-key=k ./x", "needs name= and processes= beside"],
  ["spooler-limit = processes=2", "needs processes=N and name=FUNCTION"],
  ["spooler-limit = name=a", "needs processes=N and name=FUNCTION"],
  ["spooler-limit = name=a,processes=0", "spooler-limit"],
  ["socket = localhost:http", "socket needs a port"],
];

for (const [line, message] of BAD) {
  Deno.test(`refused, with its place: ${line}`, () => {
    assertThrows(() => configOf("spooler = a", line), ConfigError, `/srv/site.ini:3: `);
    assertThrows(() => configOf("spooler = a", line), ConfigError, message);
  });
}

Deno.test("all that is wrong is said at once", () => {
  const error = assertThrows(() => configOf(...BAD.map(([line]) => line)), ConfigError);
  assertEquals(error.problems.length, BAD.length);
});
