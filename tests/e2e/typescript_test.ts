/** Task modules in TypeScript and JavaScript: what they may be made of, and how they fail to load. */

import { join } from "@std/path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { programLabel, spooler } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { makeSiteWith, portIn, pushTask, type Site } from "../support/site.ts";

const test = (name: string, body: () => Promise<void>) =>
  testWith("libc", `${programLabel}: ${name}`, body);

const siteWith = (files: Record<string, string>, ...ini: string[]): Promise<Site> =>
  makeSiteWith(files, "spooler-frequency = 1", ...ini);

const IMPORT = "spooler-import = tasks.ts";

test("a module may import files, JSON and node: modules, and await at its top", async () => {
  await using site = await siteWith({
    "tasks.ts": `
import { basename } from "node:path";
import { Kind, Mail, type Address } from "./lib/mail.ts";
import settings from "./settings.json" with { type: "json" };
import { plain } from "./lib/plain.js";
const late = await Promise.resolve("late");
export async function all(vars: Record<string, string>) {
  const to: Address = "a@b";
  const mail = new Mail(to, Kind.Letter);
  const { dynamic } = await import(\`./lib/\${"dynamic"}.ts\`);
  console.log(basename("/x/y"), mail.to, Kind[mail.kind], settings.port, plain(), late, dynamic);
  console.log(basename(import.meta.filename!), import.meta.url.startsWith("file:///"), vars.name);
}
`,
    "lib/mail.ts": `
export type Address = string;
export enum Kind { Card, Letter }
export class Mail {
  constructor(readonly to: Address, public kind: Kind) {}
}
export { back } from "./circle.ts";
`,
    "lib/circle.ts": `
import { Kind } from "./mail.ts";
export function back(): number { return Kind.Card; }
`,
    "lib/plain.js": `export const plain = () => "plain";`,
    "lib/dynamic.ts": `export const dynamic: string = "dynamic";`,
    "settings.json": `{ "port": 25 }`,
  }, IMPORT);
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=all", "name=é");
  await program.line(/ all\| y a@b Letter 25 plain late dynamic$/);
  await program.line(/ all\| tasks\.ts true é$/);
});

test("an error names the original file and line, also where the code had to be changed", async () => {
  await using site = await siteWith({
    "tasks.ts": `import { deep } from "./deep.ts";
interface Unused {
  a: string;
}
export function failing(_vars: Record<string, string>): void {
  deep(1);
}
`,
    "deep.ts": `enum Color {
  Red = 1,
}
class Box {
  constructor(private readonly value: number) {}
  open(): never {
    throw new RangeError(\`box \${this.value} of \${Color[1]}\`);
  }
}
export function deep(value: number): void {
  new Box(value).open();
}
`,
  }, IMPORT);
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=failing");
  await program.line(/failing! RangeError: box 1 of Red$/);
  await program.line(/failing! {5}at Box\.open \(\S*\/deep\.ts:7:11\)$/);
  await program.line(/failing! {5}at deep \(\S*\/deep\.ts:11:18\)$/);
  await program.line(/failing! {5}at failing \(\S*\/tasks\.ts:6:3\)$/);
  assert(!/workers\/javascript|ext:core|main\.ts/.test(program.log), program.log);
});

test("Node's modules go by both of their names, and can be required as bundles do", async () => {
  await using site = await siteWith({
    "tasks.mjs": `
import { join } from "path";
import { readFile } from "fs/promises";
const { basename } = require("path");
export async function both() {
  const { sep } = await import("path");
  console.log(join("a", "b"), typeof readFile, basename("/x/y"), sep);
}
export function missing() { require("zod"); }
`,
  }, "spooler-import = tasks.mjs");
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=both");
  await program.line(/ both\| a\/b function y \/$/);
  await pushTask(site, "ud_spool_func=missing");
  await program.line(/missing \S+ deferred .*: cannot require "zod": .* bundle it with the rest/);
});

test("the example works as its README says", async () => {
  const example = new URL("../../examples/typescript-tasks/", import.meta.url);
  const files = ["tasks.ts", "mail.ts"];
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(new URL(file, example))));
  const ini = (await Deno.readTextFile(new URL("site.ini", example))).split("\n").slice(2);
  await using site = await siteWith(
    Object.fromEntries(files.map((file, i) => [file, texts[i] ?? ""])),
    ...ini,
  );
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=send_mail", "to=ann@example.org", "order=17");
  await program.line(/ send_mail\| attempt 1: Your order 17 to ann@example\.org$/);
  await program.line(/send_mail \S+ done/);
  const listed = await spooler(["list", "--dir", site.spool, "--state", "deferred"]);
  assertMatch(listed.stdout, / remind/);
  await spooler(
    ["push", "--dir", site.spool, "ud_spool_func=count_bytes", "--body-file", "-"],
    "hello\n",
  );
  await program.line(/ count_bytes\| 6 bytes$/);
  await pushTask(site, "ud_spool_func=nobody");
  await program.line(/ nobody! nobody knows nobody$/);
  await pushTask(site, "ud_spool_func=send_mail");
  await program.line(
    /send_mail \S+ given up, kept in failed\/: Permanent: send_mail needs to=ADDRESS/,
  );
});

test("spooler types prints the types of task code", async () => {
  const { code, stdout } = await spooler(["types"]);
  assertEquals(code, 0);
  const own = await Deno.readTextFile(new URL("../../workers/uwsgi.d.ts", import.meta.url));
  assertEquals(stdout, own);
});

const UNLOADABLE: [name: string, files: Record<string, string>, said: RegExp][] = [
  [
    "npm: points to bundling",
    { "tasks.ts": 'import ms from "npm:ms";\nexport const a = ms;' },
    /tasks\.ts: cannot import "npm:ms": only relative paths and node: modules .* bundle/,
  ],
  [
    "jsr: points to bundling",
    { "tasks.ts": 'export { ulid } from "jsr:@std/ulid";' },
    /cannot import "jsr:@std\/ulid": .* bundle/,
  ],
  [
    "a bare name points to bundling",
    { "tasks.ts": 'import { z } from "zod";\nexport const a = z;' },
    /cannot import "zod": .* bundle/,
  ],
  [
    "a missing file is named, with the one that was meant",
    {
      "tasks.ts": 'import { a } from "./lib";\nexport const b = a;',
      "lib.ts": "export const a = 1;",
    },
    /tasks\.ts: cannot read \S+\/lib: no such file; did you mean \S+\/lib\.ts\?/,
  ],
  [
    "what is no TypeScript is named with its place",
    { "tasks.ts": "export const a: number = 1;\nexport function () {" },
    /tasks\.ts:2:\d+: /,
  ],
  [
    "a type that is imported as a value",
    {
      "tasks.ts": 'import { T } from "./t.ts";\nexport const a = (x: T) => x;',
      "t.ts": "export type T = 1;",
    },
    /does not provide an export named 'T'.* \(a type is imported with `import type`\)/,
  ],
  [
    "an error while it loads",
    { "tasks.ts": 'export {};\nthrow new TypeError("not today");' },
    /TypeError: not today/,
  ],
  [
    "invalid JSON",
    {
      "tasks.ts": 'import a from "./a.json" with { type: "json" };\nexport const b = a;',
      "a.json": "{",
    },
    /a\.json: not JSON/,
  ],
];

for (const [name, files, said] of UNLOADABLE) {
  test(`a module that cannot be loaded: ${name}`, async () => {
    await using site = await siteWith(files, IMPORT);
    await using program = await site.start();
    assertMatch(await program.line(/tried again in/), said);
    assertEquals(await program.stop(), 0);
  });
}

test("several modules: the first with a function has it; default takes the rest", async () => {
  await using site = await siteWith(
    {
      "a.ts": `
export const shared = () => console.log("a");
export function passed() { console.log("a passes"); return uwsgi.SPOOL_IGNORE; }
export class NoTask {}
`,
      "b.mjs": `
export const shared = () => console.log("b");
export const passed = () => console.log("b takes");
export default (vars) => console.log("rest:", vars.ud_spool_func);
`,
    },
    "spooler-import = a.ts and what follows a blank",
    "spooler-import = b.mjs",
  );
  await using program = await site.start();
  await program.line(/a\.ts, \S+b\.mjs loaded \(.*\): passed, shared, and all others$/);
  for (const func of ["shared", "passed", "other", "NoTask"]) {
    await pushTask(site, `ud_spool_func=${func}`);
  }
  await program.line(/ shared\| a$/);
  await program.line(/ passed\| a passes$/);
  await program.line(/ passed\| b takes$/);
  await program.line(/ other\| rest: other$/);
  await program.line(/ NoTask\| rest: NoTask$/);
  assert(!/ shared\| b/.test(program.log));
});

test("returns mean what they mean for uWSGI, and ud_spool_ret counts more", async () => {
  await using site = await siteWith({
    "tasks.ts": `export const answer = (vars: Record<string, string>) => {
  switch (vars.kind) {
    case "ok": return uwsgi.SPOOL_OK;
    case "number": return 7;
    case "text": return "fine";
    default: return undefined;
  }
};`,
  }, IMPORT);
  await using program = await site.start();
  const say = (kind: string, ...more: string[]) =>
    pushTask(site, "ud_spool_func=answer", `kind=${kind}`, ...more);
  await say("ok");
  await program.line(/answer \S+ done/);
  await say("nothing");
  await program.line(/answer \S+ done/, 2);
  await say("number");
  await program.line(/deferred until .*: returned 7, which means SPOOL_RETRY/);
  await say("text");
  await program.line(/deferred until .*: returned fine, which means SPOOL_RETRY/);
  await say("number", "ud_spool_ret=-2");
  await program.line(/answer \S+ done/, 3);
});

test("a task can put tasks into the spool, which is a part of its work", async () => {
  await using site = await siteWith({
    "tasks.ts": `
export function first() {
  // Not waited for: the task is not done before it is on disk all the same.
  uwsgi.spool({ ud_spool_func: "second", n: 7, ok: true, body: new Uint8Array([1, 2, 3]) });
}
export async function second(vars: Record<string, string>, body: Uint8Array) {
  const path = await uwsgi.spool({ ud_spool_func: "third", at: new Date("2100-01-01"), priority: 3 });
  console.log(vars.n, vars.ok, body.join(), path);
}
export async function wrong() {
  await uwsgi.spool({ priority: "high" });
}
`,
  }, IMPORT);
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=first");
  const line = await program.line(/ second\| 7 true 1,2,3 /);
  const path = line.split(" ").at(-1) ?? "";
  assertEquals((await Deno.stat(path)).mtime?.toISOString(), "2100-01-01T00:00:00.000Z");
  assert(path.startsWith(join(site.spool, "3/uwsgi_spoolfile_on_")), path);
  await pushTask(site, "ud_spool_func=wrong");
  await program.line(/wrong \S+ deferred until .*priority needs digits only/);
});

test("timers, cron and signals run in a worker, once for the spool", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `
uwsgi.timer(1, function beat(signal) { console.log("beat", typeof signal); });
uwsgi.rbtimer(1, function twice() { console.log("twice"); }, 2);
uwsgi.cron(-1, -1, -1, -1, -1, function minutely() {});
uwsgi.signal(17, (signal) => { console.log("heard", signal); if (signal === 17) throw new Error("on 17"); });
`,
    },
    IMPORT,
    "spooler-processes = 3",
    "timer = 17 1",
  );
  await using program = await site.start();
  await program.line(/schedule tasks\/beat: /);
  await program.line(/schedule tasks\/minutely: /);
  await program.line(/beat number$/, 2);
  await program.line(/heard 17$/);
  await program.line(/Error: on 17/);
  await program.line(/twice$/, 2);
  const jobs = program.log.split("\n");
  const started = jobs.filter((line) => /job tasks\/beat started/.test(line)).length;
  const beats = jobs.filter((line) => /beat number$/.test(line)).length;
  assert(started - beats <= 1, `${started} starts, ${beats} beats`);
});

test("two arrow functions are two jobs, and one that cannot be leaves the others", async () => {
  const jobs = {
    "tasks.ts": `class Beat {
  constructor(name: string) { uwsgi.timer(1, this.beat); this.name = name; }
  name: string;
  beat = () => console.log("beat of", this.name);
}
new Beat("a");
new Beat("b");
uwsgi.cron(0, 24, -1, -1, -1, function midnight() {});
uwsgi.timer(0, function never() {});
uwsgi.rbtimer(0, () => console.log("at once"), 2);
`,
  };
  await using site = await siteWith(jobs, IMPORT);
  await using program = await site.start();
  for (const [name, count] of [["a", 2], ["b", 2]] as const) {
    await program.line(new RegExp(`beat of ${name}$`), count);
  }
  await program.line(/at once$/, 2);
  const file = join(site.dir, "tasks.ts");
  await program.line(new RegExp(`warning: ${file}:8: midnight hour needs`));
  await program.line(new RegExp(`warning: ${file}:9: never needs seconds`));
  await program.line(/schedule tasks\/this.beat-2: |schedule tasks\/beat-2: /);
});

test("what is remembered of registered jobs outlives a restart in which they have changed places", async () => {
  const cron = (func: string) => `uwsgi.cron(-1, -1, -1, -1, -1, ${func});`;
  const parts = [
    "class Beat { beat = () => console.log(1); }",
    `${cron("new Beat().beat")} ${cron("new Beat().beat")}`,
    cron("function plain() {}"),
    cron("function other() {}"),
    "uwsgi.cron(-2, -1, -1, -1, -1, function plain() {});",
  ];
  await using site = await siteWith({ "tasks.ts": parts.join("\n") }, IMPORT);
  /** Starts of a job within one minute. */
  const starts: string[] = [];
  const idsOf = async () => {
    const { jobs } = JSON.parse(await Deno.readTextFile(`${site.spool}.site.cron-state`));
    return Object.keys(jobs).toSorted();
  };
  const run = async (loaded: number, last: RegExp) => {
    await using program = await site.start();
    await program.line(/ schedule tasks\//, loaded);
    await program.line(last);
    assertEquals(await program.stop(), 0);
    const lines = program.log.matchAll(/^(\S+ \d\d:\d\d):\S+ job (tasks\/\S+) started/gm);
    starts.push(...[...lines].map(([, minute, job]) => `${minute} ${job}`));
  };
  await run(5, / job tasks\/other done /);
  const ids = await idsOf();
  assertEquals(ids.filter((id) => id.includes("beat")).length, 2, String(ids));
  // A new one runs at once, and by then those before it would have.
  const [first = "", ...rest] = parts;
  const moved = ["", "// moved", first, ...rest.toReversed(), cron("function later() {}")];
  await Deno.writeTextFile(join(site.dir, "tasks.ts"), moved.join("\n"));
  await run(6, / job tasks\/later done /);
  assertEquals(new Set(starts).size, starts.length, starts.join("\n"));
  const added = (await idsOf()).filter((id) => !ids.includes(id) && !id.includes("plain -2"));
  assertEquals(added, ["tasks/later -1 -1 -1 -1 -1"]);
});

test("a timer never runs twice at a time, however many workers there are", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `uwsgi.timer(0.2, async function slow() {
      console.log("begin");
      await new Promise((resolve) => setTimeout(resolve, 700));
      console.log("end");
    });`,
    },
    IMPORT,
    "spooler-processes = 3",
  );
  await using program = await site.start();
  await program.line(/\| end$/, 3);
  const said = program.log.split("\n").flatMap((line) => /\| (begin|end)$/.exec(line)?.[1] ?? []);
  said.forEach((word, i) => assertEquals(word, i % 2 === 0 ? "begin" : "end"));
});

test("a task can send tasks to other programs", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `
export async function sends({ to, priority }: Record<string, string>) {
  console.log("accepted:", await uwsgi.sendMessage(to, { ud_spool_func: "gets", n: 5, priority }));
}
export const gets = ({ n }: Record<string, string>) => console.log("got", n);
`,
    },
    IMPORT,
    "socket = 127.0.0.1:0",
  );
  await using program = await site.start();
  const port = portIn(await program.line(/ socket 127\.0\.0\.1:\d+$/));
  await pushTask(site, "ud_spool_func=sends", `to=127.0.0.1:${port}`, "priority=5");
  await program.line(/ sends\| accepted: true$/);
  await program.line(/ gets\| got 5$/);
});

test("spooler-quiet: nothing about what goes well, everything about what does not", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `export const good = () => console.log("printed");
export function bad() { throw new Error("told"); }`,
    },
    IMPORT,
    "spooler-quiet = true",
  );
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=good");
  await program.line(/ good\| printed$/);
  await pushTask(site, "ud_spool_func=bad");
  await program.line(/bad \S+ deferred until .*Error: told/);
  assertEquals(await program.stop(), 0);
  assert(!/good \S+ done/.test(program.log), program.log);
});

test("uwsgi.opt has the options of the ini, a list for what comes twice", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `export const show = () => console.log(JSON.stringify([
  uwsgi.opt.colour, uwsgi.opt["spooler-task"], uwsgi.opt.missing, uwsgi.spoolers.length, uwsgi.numproc,
]));`,
    },
    IMPORT,
    "colour = red",
    "spooler-task = name=a :",
    "spooler-task = name=b :",
  );
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=show");
  await program.line(/ show\| \["red",\["name=a :","name=b :"\],null,1,1\]$/);
});

test("what is printed outside of console is logged, too", async () => {
  await using site = await siteWith({
    "tasks.ts": `
import { existsSync } from "node:fs";
import process from "node:process";
console.log("while it loads");
export async function prints(_vars: unknown, _body: unknown, context: { log(...data: unknown[]): void }) {
  Deno.stdout.writeSync(new TextEncoder().encode("half "));
  process.stdout.write("a line\\n");
  context.log("by", "context");
  uwsgi.log("by uwsgi");
  console.group("group");
  console.warn("%d", 5, { a: [1] });
  console.groupEnd();
  console.table([{ a: 1 }]);
  new Deno.Command("sh", { args: ["-c", "echo from a child"], stdout: "inherit" }).outputSync();
  // What a child prints is the task's for as long as the task runs.
  while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 5));
}
`,
  }, IMPORT);
  await using program = await site.start();
  await program.line(/ spool\| while it loads$/);
  await pushTask(site, "ud_spool_func=prints");
  await program.line(/ \d+_\d+ task\| from a child$/);
  await Deno.writeTextFile(join(site.dir, "go"), "");
  await program.line(/ prints\| half a line$/);
  await program.line(/ prints\| by context$/);
  await program.line(/ prints\| by uwsgi$/);
  await program.line(/ prints! {3}5 \{ a: \[ 1 \] \}$/);
});

test("a context has the attempt and the time to stop", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `
type Context = { name: string; attempt: number; signal: AbortSignal };
export async function patient(_vars: unknown, _body: unknown, { name, attempt, signal }: Context) {
  console.log(attempt, name.startsWith("uwsgi_spoolfile_on_"));
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve());
  await promise;
  console.log(String(signal.reason));
}
`,
    },
    IMPORT,
    "spooler-harakiri = 1",
  );
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=patient");
  await program.line(/ patient\| 1 true$/);
  await program.line(/ patient\| AbortError: harakiri after 1 s$/);
  await program.line(/patient \S+ done/);
});

test("values that were put as JSON arrive as they were, and what is logged shows what it is", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": `
type Context = { json: Record<string, unknown>; log(...data: unknown[]): void };
export function values(_vars: unknown, _body: unknown, { json, log }: Context) {
  log("values", json, "100%");
  uwsgi.log("also", [json.user]);
}
export function several() {
  throw new AggregateError([new TypeError("one"), "two"], "both failed");
}
export function changed() {
  const error = new Error("before");
  error.message = "the disk is full";
  throw error;
}
export function object() { throw { code: 7, where: ["here"] }; }
uwsgi.timer(1, function beat() { console.log("beats"); });
`,
    },
    IMPORT,
    "spooler-max-retries = 1",
  );
  const lines = [
    { ud_spool_func: "values", to: "ann", user: { id: 1 }, tags: [] },
    ...["several", "changed", "object"].map((ud_spool_func) => ({ ud_spool_func })),
  ];
  await using program = await site.start();
  const text = lines.map((line) => JSON.stringify(line)).join("\n");
  assertEquals((await spooler(["push", "--ini", site.ini, "--lines", "-"], text)).code, 0);
  await program.line(/ values\| values \{ to: ['"]ann['"], user: \{ id: 1 \}, tags: \[\] \} 100%$/);
  await program.line(/ values\| also \[ \{ id: 1 \} \]$/);
  await program.line(/ several! AggregateError: both failed$/);
  await program.line(/ several! Error 1: TypeError: one$/);
  await program.line(/ several! Error 2: threw two$/);
  await program.line(/ changed! Error: the disk is full$/);
  await program.line(/ changed! +at changed \(.*tasks\.ts:11:\d+\)$/);
  await program.line(/ object \S+ deferred .*: threw \{ code: 7, where: \[ ['"]here['"] \] \}/);
  await program.line(/ beat\| beats$/);
});

test("errors that no task waits for are logged, and end nothing", async () => {
  await using site = await siteWith({
    "tasks.ts": `
export function forgets() { Promise.reject(new Error("forgotten")); setTimeout(() => { throw new Error("late"); }); }
export function after() { console.log("alive"); }
`,
  }, IMPORT);
  await using program = await site.start();
  await pushTask(site, "ud_spool_func=forgets");
  await program.line(/! not caught: Error: forgotten$/);
  await program.line(/! not caught: Error: late$/);
  await pushTask(site, "ud_spool_func=after");
  await program.line(/ after\| alive$/);
});

test("TypeScript, JavaScript and commands share a spool, with the order of handlers", async () => {
  await using site = await siteWith(
    {
      "tasks.ts": "export const taken = () => console.log('ts'); export const ignored = () => 0;",
    },
    IMPORT,
    "spooler-task = name=taken echo command",
    "spooler-task = name=shell echo shell",
    "spooler-task = echo any $SPOOLER_FUNC",
    "spooler-processes = 2",
  );
  await using program = await site.start();
  for (const func of ["taken", "shell", "ignored", "unknown"]) {
    await pushTask(site, `ud_spool_func=${func}`);
  }
  await program.line(/ taken\| command$/);
  await program.line(/ shell\| shell$/);
  await program.line(/ ignored\| any ignored$/);
  await program.line(/ unknown\| any unknown$/);
  assert(!/ taken\| ts/.test(program.log));
});
