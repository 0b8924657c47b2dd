/** Configurations that nobody should write: each ends in a clear error, soon, and in little memory. */

import { join } from "@std/path";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/platform/problem.ts";
import { systemHost } from "../../src/config/system_host.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { PATIENCE_MS } from "../support/program.ts";
import { testWith } from "../support/require.ts";
import { tempDir } from "../support/temp.ts";

/** What is not bounded takes for ever, a busy machine takes only long. */
const SOON_MS = PATIENCE_MS;
const LITTLE_KIB = 700 * 1024;

interface Given {
  /** Fills the directory before. */
  readonly prepare?: (dir: string) => Promise<void>;
  /** When commands are given up; absent for the program's own patience. */
  readonly patienceMs?: number;
}

/** Loads `ini` in a directory of its own. */
async function load(ini: string | Uint8Array, { prepare, ...patience }: Given = {}) {
  await using temp = await tempDir();
  await prepare?.(temp.path);
  const path = join(temp.path, "site.ini");
  await Deno.writeFile(path, typeof ini === "string" ? new TextEncoder().encode(ini) : ini);
  const host = { ...systemHost(patience), cwd: temp.path };
  const start = performance.now();
  try {
    return await loadConfig(["--ini", "site.ini"], host);
  } finally {
    const tookMs = performance.now() - start;
    assert(tookMs < SOON_MS, `took ${Math.round(tookMs)} ms`);
  }
}

interface BadInput extends Given {
  readonly what: string;
  readonly ini: string | Uint8Array;
  readonly said: string;
}

const uwsgi = (...lines: string[]) => `[uwsgi]\n${lines.join("\n")}\n`;

const BAD: readonly BadInput[] = [
  {
    what: "a line of 10 MB",
    ini: uwsgi("a = 1", `x = ${"y".repeat(10_000_000)}`),
    said: "site.ini:3: a line may have 1048576 bytes: this one has 10000004",
  },
  { what: "a NUL byte", ini: uwsgi("a = 1", "b = 1\0 2"), said: "site.ini:3: has a NUL byte" },
  {
    what: "bytes that are no UTF-8",
    ini: Uint8Array.from([...new TextEncoder().encode("[uwsgi]\nx = "), 0xff, 0xfe, 0x0a]),
    said: "site.ini:2: needs UTF-8",
  },
  {
    what: "1,000 files that include each other",
    ini: uwsgi("ini = 1.ini"),
    said: "files may include each other 64 deep",
    prepare: async (dir) => {
      for (let i = 1; i <= 1000; i++) {
        await Deno.writeTextFile(join(dir, `${i}.ini`), uwsgi(`ini = ${i + 1}.ini`));
      }
    },
  },
  {
    what: "files that include the next one twice, without end",
    ini: uwsgi("ini = 1.ini"),
    said: "a configuration may read 2000 files",
    prepare: async (dir) => {
      for (let i = 1; i <= 60; i++) {
        const next = `ini = ${i + 1}.ini`;
        await Deno.writeTextFile(join(dir, `${i}.ini`), uwsgi(next, next));
      }
      await Deno.writeTextFile(join(dir, "61.ini"), uwsgi("a = 1"));
    },
  },
  {
    what: "a placeholder that holds itself",
    ini: uwsgi("a = x%(a)"),
    said: "site.ini:2: a is never done",
  },
  {
    what: "placeholders that hold each other",
    ini: uwsgi("a = x%(b)%(b)", "b = x%(a)%(a)"),
    said: "a is never done: a placeholder holds itself",
  },
  {
    what: "placeholders that double",
    ini: uwsgi(
      "p0 = xxxxxxxxxxxxxxxx",
      ...Array.from({ length: 60 }, (_, i) => `p${i + 1} = -%(p${i})%(p${i})`),
    ),
    said: "may have 1048576 bytes",
  },
  {
    what: "an @(file) of 1 GB",
    ini: uwsgi("a = @(big)"),
    said: "site.ini:2: @(big) cannot be read: it has 1073741824 bytes; the limit is 1048576",
    prepare: async (dir) => {
      await Deno.writeTextFile(join(dir, "big"), "");
      await Deno.truncate(join(dir, "big"), 1 << 30);
    },
  },
  {
    what: "an ini of 1 GB",
    ini: uwsgi("ini = big.ini"),
    said: '"big.ini" cannot be read: it has 1073741824 bytes; the limit is 33554432',
    prepare: async (dir) => {
      await Deno.writeTextFile(join(dir, "big.ini"), "");
      await Deno.truncate(join(dir, "big.ini"), 1 << 30);
    },
  },
  {
    what: "a device without end",
    ini: uwsgi("a = @(/dev/zero)"),
    said: "it has more bytes; the limit is 1048576",
  },
  { what: "an @(file) that is a directory", ini: uwsgi("a = @(.)"), said: "it is a directory" },
  {
    what: "a directory for an ini",
    ini: uwsgi("ini = /"),
    said: '"/" cannot be read: it is a directory',
  },
  {
    what: "for with 10⁹ times",
    ini: uwsgi("for-times = 1000000000", "x = %(_)", "endfor ="),
    said: "for-times needs a number up to 100000",
  },
  {
    what: "loops that make more options than anybody needs",
    ini: uwsgi("for-times = 100000", "a = 1", "b = 2", "c = 3", "endfor ="),
    said: "a configuration may have 200000 options",
  },
  {
    what: "loops that make more text than anybody needs",
    ini: uwsgi("for-times = 100000", `a = ${"x".repeat(10_000)}`, "endfor ="),
    said: "a configuration may have 100663296 bytes",
  },
  {
    what: "a command that hangs",
    ini: uwsgi("a = @(exec://sleep 60)"),
    patienceMs: 300,
    said: "it took longer than 0.3 seconds",
  },
  {
    what: "a command that hangs and has closed its output's reader out",
    ini: uwsgi("a = @(exec://sleep 60 & echo x)"),
    patienceMs: 300,
    said: "it took longer than 0.3 seconds",
  },
  {
    what: "a command that prints without end",
    ini: uwsgi("a = @(exec://yes)"),
    said: "it has more bytes; the limit is 1048576",
  },
  {
    what: "a descriptor that is not open",
    ini: uwsgi("a = @(fd://999)"),
    said: "@(fd://999) cannot be read",
  },
  {
    what: "an invalid regular expression",
    ini: uwsgi("if-hostname-match = ((", "a = 1", "endif ="),
    said: "needs a regular expression",
  },
  {
    what: "an else that belongs to nothing",
    ini: uwsgi("else ="),
    said: "else needs an if before it",
  },
  {
    what: "a for that is never closed",
    ini: uwsgi("for = a", "b = 1"),
    said: "site.ini:2: for needs an endfor below it",
  },
  {
    what: "an if that is never closed",
    ini: uwsgi("if-env = HOME"),
    said: "if-env needs an endif below it",
  },
  {
    what: "more mistakes than anybody reads",
    ini: uwsgi(...Array.from({ length: 5000 }, (_, i) => `ini = no${i}.ini`)),
    said: "site.ini:2:",
  },
];

for (const { what, ini, said, ...given } of BAD) {
  Deno.test(`refused, soon and clearly: ${what}`, async () => {
    await assertRejects(() => load(ini, given), ConfigError, said);
  });
}

Deno.test("100,000 lines are read, and soon", async () => {
  const lines = Array.from({ length: 100_000 }, (_, i) => `key${i} = %(key${i + 1})`);
  assertEquals((await load(uwsgi(...lines))).entries.length, 100_001);
});

Deno.test("a pipe that nobody writes to is given up", async () => {
  await using temp = await tempDir();
  const pipe = join(temp.path, "pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const host = { ...systemHost({ patienceMs: 300 }), cwd: temp.path };
  const error = await assertRejects(() => loadConfig([pipe], host), ConfigError);
  assert(error.message.includes("it took longer than 0.3 seconds"), error.message);
});

testWith("libc", "the largest of them take little memory", async () => {
  await using temp = await tempDir();
  const load = new URL("../../src/config/load.ts", import.meta.url).href;
  const script = `
    import { loadConfig } from ${JSON.stringify(load)};
    await loadConfig(Deno.args[0]).catch(() => {});
    const status = await Deno.readTextFile("/proc/self/status");
    console.log(/^VmHWM:\\s+(\\d+)/m.exec(status)[1]);`;
  const peak = join(temp.path, "peak.ts");
  // The script lies elsewhere, and has the program's imports.
  const config = new URL("../../deno.json", import.meta.url).pathname;
  await Deno.writeTextFile(peak, script);
  for (
    const { what, ini } of BAD.filter(({ what }) => /10 MB|text|double|each other|zero/.test(what))
  ) {
    const path = join(temp.path, "site.ini");
    await Deno.writeFile(path, typeof ini === "string" ? new TextEncoder().encode(ini) : ini);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-check", "--config", config, peak, path],
      stderr: "inherit",
    }).output();
    const peakKib = Number(new TextDecoder().decode(stdout));
    assert(peakKib > 0 && peakKib < LITTLE_KIB, `${what}: ${peakKib} KiB`);
  }
});
