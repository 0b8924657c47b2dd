/** The rules of ARCHITECTURE.md, held against the code. */

import { dirname, join, normalize, relative } from "@std/path";
import { assert, assertEquals } from "./support/assert.ts";

const root = new URL("../", import.meta.url).pathname;

async function* filesBelow(dir: string, ending: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(root, dir))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory) yield* filesBelow(path, ending);
    else if (entry.name.endsWith(ending)) yield path;
  }
}

interface Source {
  readonly text: string;
  /** Paths of the files whose code it needs at run time; types alone do not count. */
  readonly imports: readonly string[];
}

async function readSources(): Promise<Map<string, Source>> {
  const sources = new Map<string, Source>();
  for await (const path of filesBelow("src", ".ts")) {
    const text = await Deno.readTextFile(join(root, path));
    const imports = [...text.matchAll(/^import (?!type )[^;]*?from "(\.[^"]+)";$/gms)]
      .map(([, target]) => normalize(join(dirname(path), target as string)));
    sources.set(path, { text, imports });
  }
  return sources;
}

/**
 * Touches the world: Deno's own functions, Node's, timers, the wall clock, chance. Of node:crypto only
 * what computes is allowed.
 */
const TOUCHES_WORLD =
  /\bDeno\.(?!errors\b|build\b)|from "node:(?!path|util|crypto)|\brandom(?:Bytes|UUID|Int)\(|\bsetTimeout\(|\bDate\.now\(|\bMath\.random\b|\bperformance\.now\(/;

/** A file with this tag in its first comment decides, and leaves doing to others. */
const isPure = ({ text }: Source) =>
  /\/\*\*[\s\S]*?\*\//.exec(text)?.[0].includes("@pure") === true;

Deno.test("files marked @pure do not touch the world, and import no file that is not marked", async () => {
  const sources = await readSources();
  for (const [path, source] of sources) {
    if (!isPure(source)) continue;
    const code = source.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assertEquals(TOUCHES_WORLD.exec(code)?.[0], undefined, `${path} touches the world`);
    for (const target of source.imports) {
      const imported = sources.get(target);
      assert(imported && isPure(imported), `${path} is @pure and imports ${target}, which is not`);
    }
  }
});

Deno.test("purity is claimed by the marker alone", async () => {
  for (const [path, { text }] of await readSources()) {
    const first = /\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? "";
    assertEquals(/\bPure[.:]/.exec(first)?.[0], undefined, path);
  }
});

/** The folders of src/, lowest first: a file imports from its own folder and from those before it. */
const ORDER = [
  ...["platform", "wire", "task", "client", "spool", "report", "history", "exec", "queue"],
  ...[
    "schedule",
    "worker",
    "nats",
    "forward",
    "cluster",
    "server",
    "control",
    "monitor",
    "daemon",
    "config",
    "web",
  ],
  ...["app", "cli"],
];

Deno.test("folders form one order: imports point down it, types included", async () => {
  const sources = await readSources();
  const folderOf = (path: string) => path.split("/")[1] as string;
  for (const [path, { text }] of sources) {
    const folder = folderOf(path);
    assert(ORDER.includes(folder), `${path} is in no folder of the order`);
    for (const [, spec] of text.matchAll(/(?:\bfrom|\bimport\(|^import) ?"(\.[^"]+)"/gm)) {
      const target = normalize(join(dirname(path), spec as string));
      if (!target.startsWith("src/")) continue;
      const isDown = ORDER.indexOf(folderOf(target)) <= ORDER.indexOf(folder);
      assert(isDown, `${path} imports ${target}: ${folderOf(target)} is above ${folder}`);
    }
  }
});

/** For Deno, Node and Bun: it is a library, and no part of the program. */
Deno.test("src/client imports src/wire and src/task, Node's modules, and nothing else", async () => {
  const reached = new Set<string>();
  const reach = (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const target of sources.get(path)?.imports ?? []) reach(target);
  };
  const sources = await readSources();
  for (const [path, { text }] of sources) {
    if (!path.startsWith("src/client/")) continue;
    reach(path);
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
    for (const [, spec] of code.matchAll(/(?:\bfrom|\bimport\(|^import) ?"([^"]+)"/gm)) {
      const isFine = /^(?:\.\/|\.\.\/wire\/|\.\.\/task\/|node:)/.test(spec as string);
      assert(isFine, `${path} imports ${spec}`);
    }
  }
  for (const path of reached) {
    const code = sources.get(path)?.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "") ?? "";
    assertEquals(/\bDeno\.\w+/.exec(code)?.[0], undefined, `${path} needs Deno`);
  }
});

Deno.test("imports make no circle", async () => {
  const sources = await readSources();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    assert(!trail.includes(path), `a circle: ${[...trail, path].join(" → ")}`);
    if (done.has(path)) return;
    for (const target of sources.get(path)?.imports ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
});

/** The parts of the store: the files of a spool are theirs to change, through the seam for tests. */
const STORE =
  /^src\/spool\/(accepted_file|batch_files|batch_intake|control_sockets|directory|expiry|history_files|intake|journal_restore|operator|records|running|sweep|task_maker|transitions|unique_tasks|waits)\.ts$/;

Deno.test("only the store changes files of a spool", async () => {
  const writers = /\bDeno\.(rename|remove|utime|mkdir|writeFile|writeTextFile)(Sync)?\(/;
  const throughFiles = /\bfiles\.(open|create|createWhole|mkdir|rename|remove|utime)(Sync)?\(/;
  for (const [path, { text }] of await readSources()) {
    // These own other files: their sockets, copies of tasks, and the state of the schedules.
    const own = [
      "src/cli/init.ts",
      "src/platform/unix_socket.ts",
      "src/server/bound_socket.ts",
      "src/server/listening.ts",
      "src/monitor/monitor_socket.ts",
      "src/worker/copies.ts",
      "src/worker/python.ts",
      "src/worker/sockets.ts",
      "src/schedule/state_file.ts",
      "src/daemon/enter.ts",
      "src/daemon/log_outputs.ts",
      "src/daemon/pid_file.ts",
    ];
    // Ways of doing it that the store chooses from.
    if (/^src\/spool\/(files|root_files|private_directory|sync)\.ts$/.test(path)) continue;
    if (!own.includes(path)) assertEquals(writers.exec(text)?.[0], undefined, path);
    assert(STORE.test(path) || !throughFiles.test(text), `${path} changes files of a spool`);
  }
});

Deno.test("only the edges know Deno's wall clock and chance", async () => {
  for (const [path, { text }] of await readSources()) {
    if (path.startsWith("src/platform/") || path.startsWith("src/client/")) continue;
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assertEquals(/\bDate\.now\(|\bMath\.random\b/.exec(code)?.[0], undefined, path);
  }
});

Deno.test("two types never share a name", async () => {
  const files = new Map<string, string>();
  for (const [path, { text }] of await readSources()) {
    const declared = text.matchAll(
      /^(?:export )?(?:abstract )?(?:class|interface|type|enum) (\w+)/gm,
    );
    for (const [, name] of declared) {
      const other = files.get(name as string) ?? path;
      assertEquals(path, other, `${name} is declared twice`);
      files.set(name as string, path);
    }
  }
});

Deno.test("a file of more than 300 lines says why in its first comment", async () => {
  for (const dir of ["src", "workers"]) {
    for (const ending of [".ts", ".py"]) {
      for await (const path of filesBelow(dir, ending)) {
        const text = await Deno.readTextFile(join(root, path));
        const lines = text.trimEnd().split("\n").length;
        const comment = /\/\*\*[\s\S]*?\*\/|"""[\s\S]*?"""/.exec(text)?.[0] ?? "";
        const reason = /longer than 300 lines[\s*]+because/;
        assert(lines <= 300 || reason.test(comment), `${path} has ${lines} lines`);
      }
    }
  }
});

/** What the JavaScript worker needs of the program: formats, numbers of the kernel, and no more. */
const NEEDED_BY_WORKERS = [
  "src/exec/lines.ts",
  "src/platform/bytes.ts",
  "src/platform/garbage.ts",
  "src/platform/linux.ts",
  "src/platform/memory.ts",
  "src/platform/name.ts",
  "src/spool/named.ts",
  "src/wire/address.ts",
  "src/wire/client.ts",
  "src/wire/json_vars.ts",
  "src/wire/packet.ts",
  "src/worker/frame.ts",
];

Deno.test("workers/javascript imports of src/ what it needs, and types of messages", async () => {
  const imported = new Set<string>();
  const types = new Set<string>();
  for await (const path of filesBelow("workers/javascript", ".ts")) {
    const text = await Deno.readTextFile(join(root, path));
    for (const [, isType, target] of text.matchAll(/^import (type )?[^;]*?from "(\.[^"]+)";$/gms)) {
      const file = normalize(join(dirname(path), target as string));
      if (file.startsWith("src/")) (isType ? types : imported).add(file);
    }
  }
  assertEquals([...imported].toSorted(), NEEDED_BY_WORKERS);
  assertEquals([...types].toSorted(), ["src/worker/message.ts", "src/worker/registered.ts"]);
});

/** Calls that go on after they return, each with what holds the memory they write to. */
const CALLS_ON_ANOTHER_THREAD = [
  ["src/platform/durable_calls.ts", "fdatasyncLater"], // gets a descriptor alone
  ["src/platform/durable_calls.ts", "syncfsLater"], // the same
  ["src/platform/socket_calls.ts", "epollWaitLater"], // a field of PollLoop
  ["workers/javascript/libc.ts", "poll"], // a field of WorkerLibc
];

Deno.test("a nonblocking call of libc is one whose memory somebody has thought of", async () => {
  const found: string[][] = [];
  for (const dir of ["src", "workers"]) {
    for await (const path of filesBelow(dir, ".ts")) {
      const text = await Deno.readTextFile(join(root, path));
      for (const [, name] of text.matchAll(/(\w+): \{[^{}]*nonblocking: true/g)) {
        found.push([path, name as string]);
      }
    }
  }
  assertEquals(found.toSorted(), CALLS_ON_ANOTHER_THREAD.toSorted());
});

Deno.test("paths and command lines are those of @std, so that the import map alone says whose", async () => {
  for (const dir of ["src", "workers", "tests", "bench"]) {
    for await (const path of filesBelow(dir, ".ts")) {
      const text = await Deno.readTextFile(join(root, path));
      // Task code in a test, between backticks, has no import map.
      const own = text.replaceAll(/`[^`]*`/g, "");
      assert(!/^import [^;]*(?:"node:path"|parseArgs[^;]*"node:util");/m.test(own), path);
    }
  }
});

Deno.test("every path that the documents name exists", async () => {
  const documents = ["README.md", "ARCHITECTURE.md"];
  for await (const path of filesBelow("docs", ".md")) documents.push(path);
  for (const document of documents) {
    const text = await Deno.readTextFile(join(root, document));
    const paths = text.matchAll(
      /\b(?:src|tests|examples|docs|bench|workers)\/[\w./-]*[\w/]|\bmain\.ts\b/g,
    );
    for (const [path] of paths) {
      const known = await Deno.stat(join(root, path)).then(() => true, () => false);
      assert(known, `${relative(".", document)} names ${path}, which does not exist`);
    }
  }
});

Deno.test("no code span of the documents is broken over two lines", async () => {
  const documents = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"];
  for (const dir of ["docs", "examples"]) {
    for await (const path of filesBelow(dir, ".md")) documents.push(path);
  }
  for (const document of documents) {
    const text = await Deno.readTextFile(join(root, document));
    const prose = text.replaceAll(/^ *```.*?^ *```$/gms, "");
    for (const line of prose.split("\n")) {
      assertEquals((line.match(/`/g) ?? []).length % 2, 0, `${document}: ${line}`);
    }
  }
});

Deno.test("README.md and docs/README.md link every page of docs/", async () => {
  const readme = await Deno.readTextFile(join(root, "README.md"));
  const index = await Deno.readTextFile(join(root, "docs/README.md"));
  for await (const path of filesBelow("docs", ".md")) {
    assert(readme.includes(`](${path})`), `README.md does not link ${path}`);
    const page = relative("docs", path);
    if (page !== "README.md") {
      assert(index.includes(`](${page})`), `docs/README.md does not link ${path}`);
    }
  }
});

Deno.test("a task passes at most twelve files, and none twice", async () => {
  const page = await Deno.readTextFile(join(root, "ARCHITECTURE.md"));
  const walk = page.split("## A task's way")[1]?.split("\n## ")[0] ?? "";
  const files = [...walk.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file]) => file);
  assert(files.length > 0 && files.length <= 12, `${files.length} files`);
  assertEquals(new Set(files).size, files.length);
});

Deno.test('only import("./library.ts") reaches the packages of NATS', async () => {
  const sources = await readSources();
  for (const [path, { text, imports }] of sources) {
    const isNats = path === "src/nats/library.ts" || path === "src/nats/transport.ts";
    const values = [
      ...text.matchAll(/^(?:import|export) (?!type )[^;]*?from "(@nats-io\/[^"]+)";$/gms),
    ];
    assert(isNats || values.length === 0, `${path} needs ${values[0]?.[1]} at run time`);
    const loads = imports.filter((each) => /^src\/nats\/(library|transport)\.ts$/.test(each));
    assert(path === "src/nats/library.ts" || loads.length === 0, `${path} imports ${loads}`);
  }
  const late = [...sources].filter(([, { text }]) => text.includes('import("./library.ts")'));
  const paths = late.map(([path]) => path).filter((path) => path !== "src/nats/library.ts");
  assertEquals(paths, ["src/nats/link.ts"]);
});
