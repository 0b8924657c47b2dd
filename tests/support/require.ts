/**
 * Tests that need something the machine may not have. Without it they are skipped and say why; where
 * SPOOLER_REQUIRE names it, as in CI, they run, and so fail instead.
 */

import { readBundling } from "./bundling.ts";
import { faketimeLibrary } from "./faketime.ts";
import { canUseLoops } from "./image.ts";
import { canLimitMemory } from "./memory_group.ts";
import { canMount } from "./mount.ts";

const required = (Deno.env.get("SPOOLER_REQUIRE") ?? "").split(/[\s,]+/);

/** The Python of task workers in tests. */
export const testPython = Deno.env.get("SPOOLER_TEST_PYTHON") ?? "python3";

/** The Python that has Debian's packages. */
export const DEBIAN_PYTHON = "/usr/bin/python3";

/** The compiler of the npm package and of its test. */
export const TYPESCRIPT = "typescript@5.9.3";

/** The npm package must work here too. */
export const BUN = "bun@1.4.5";

/** Null where it cannot be started. */
function outputOf(command: string, ...args: string[]): Deno.CommandOutput | null {
  try {
    return new Deno.Command(command, { args }).outputSync();
  } catch {
    return null;
  }
}

function hasCommand(command: string, ...args: string[]): boolean {
  return outputOf(command, ...args)?.success ?? false;
}

const mountable = await canMount();

export type Need =
  | "openssl"
  | "ss"
  | "uwsgi"
  | "esbuild"
  | "executable"
  | "libc"
  | "mount"
  | "loop"
  | "python"
  | "systemd"
  | "cgroup"
  | "activation"
  | "root"
  | "faketime"
  | "man"
  | "bash-completion"
  | "zsh"
  | "fish"
  | "dpkg"
  | "script"
  | "promtool"
  | "chromium"
  | "pip"
  | "gevent"
  | "django"
  | "npm"
  | "bun"
  | "curl"
  | "php"
  | "ruby"
  | "perl"
  | "go"
  | "nats"
  | "nats-2.10";

const present: Record<Need, () => boolean> = {
  uwsgi: () => hasCommand("uwsgi", "--plugin", "python3", "--version"),
  ss: () => hasCommand("ss", "-V"),
  openssl: () => hasCommand("openssl", "version"),
  esbuild: () => hasCommand("npx", "--fetch-retries=0", "-y", readBundling().bundler, "--version"),
  executable: () => Deno.env.has("SPOOLER_EXECUTABLE"),
  libc: () => Deno.build.os === "linux",
  mount: () => mountable,
  loop: () => mountable && canUseLoops(),
  systemd: () => hasCommand("systemd-analyze", "--version"),
  python: () => hasCommand(testPython, "--version"),
  npm: () => hasCommand("npx", "--fetch-retries=0", "-y", "-p", TYPESCRIPT, "tsc", "--version"),
  bun: () => hasCommand("npx", "--fetch-retries=0", "-y", BUN, "--version"),
  curl: () => hasCommand("curl", "--version"),
  php: () => hasCommand("php", "--version"),
  ruby: () => hasCommand("ruby", "--version"),
  perl: () => hasCommand("perl", "--version"),
  go: () => hasCommand("go", "version"),
  nats: () => hasCommand("nats-server", "--version"),
  "nats-2.10": () => {
    const said = outputOf("nats-server", "--version")?.stdout;
    return /v2\.(9|10)\./.test(new TextDecoder().decode(said));
  },
  activation: () => hasCommand("systemd-socket-activate", "--version"),
  cgroup: () => canLimitMemory(),
  root: () => Deno.build.os === "linux" && Deno.uid() === 0,
  man: () => hasCommand("man", "--version"),
  "bash-completion": () => hasCommand("test", "-r", "/usr/share/bash-completion/bash_completion"),
  zsh: () => hasCommand("zsh", "--version"),
  fish: () => hasCommand("fish", "--version"),
  dpkg: () => hasCommand("dpkg-deb", "--version"),
  script: () => hasCommand("script", "--version"),
  faketime: () => faketimeLibrary() !== null,
  promtool: () => hasCommand("promtool", "--version"),
  chromium: () => hasCommand("/usr/bin/chromium", "--version"),
  pip: () => hasCommand(testPython, "-m", "pip", "--version"),
  gevent: () => hasCommand(DEBIAN_PYTHON, "-c", "import gevent"),
  django: () => hasCommand(DEBIAN_PYTHON, "-c", "import django, gunicorn"),
};

const reasons: Record<Need, string> = {
  uwsgi: "no uWSGI with its python3 plugin on this machine",
  ss: "ss is not installed",
  openssl: "there is no openssl to make certificates with",
  esbuild: "there is no npx that can fetch esbuild",
  executable: "SPOOLER_EXECUTABLE names no compiled program",
  libc: "POSIX locks and inotify are used on Linux only",
  mount: "this user may not mount a file system",
  loop: "no loop device, or no mkfs.ext4, for this user",
  systemd: "there is no systemd-analyze to check units with",
  python: "no python3 on this machine",
  faketime: "there is no libfaketime to set the clock of a program with",
  man: "there is no man to show manual pages with",
  "bash-completion": "there is no bash-completion",
  zsh: "there is no zsh",
  fish: "there is no fish",
  promtool: "there is no promtool (Debian: prometheus) to check metrics with",
  pip: "Python has no pip (Debian: python3-pip)",
  gevent: "Python has no gevent (Debian: python3-gevent)",
  django: "Python has no Django, or no gunicorn (Debian: python3-django, gunicorn)",
  chromium: "there is no /usr/bin/chromium to open pages in",
  dpkg: "there is no dpkg-deb to make a package with",
  script: "there is no script (Debian: bsdutils) to be a terminal",
  activation: "there is no systemd-socket-activate to open sockets with",
  cgroup: "this user may not make a control group that limits memory",
  root: "only root may act for another account",
  npm: "npx cannot get the TypeScript compiler",
  bun: "npx cannot get Bun",
  curl: "curl is not installed",
  php: "php is not installed",
  ruby: "ruby is not installed",
  perl: "perl is not installed",
  go: "go is not installed",
  nats: "there is no nats-server",
  "nats-2.10":
    "there is no nats-server up to 2.10; later ones keep a consumer in step with its stream",
};

/** Like Deno.test, for a test that cannot run without what it needs. */
export function testWith(
  needs: Need | readonly Need[],
  name: string,
  body: () => Promise<void>,
  options: Pick<Deno.TestDefinition, "sanitizeOps" | "sanitizeResources"> = {},
): void {
  const missing = [needs].flat().find((need) => !required.includes(need) && !present[need]());
  Deno.test({
    ...options,
    name: missing === undefined ? name : `${name} (skipped: ${reasons[missing]})`,
    ignore: missing !== undefined,
    fn: body,
  });
}
