/**
 * `deno task package [FILE]`: a tar.gz, a Debian package, checksums and a bill of materials in
 * dist/release/, of the executable FILE (dist/spooler, as `deno task compile` makes it). The same
 * executable and sources make the same bytes.
 */

import type { CompletionShell } from "../src/cli/completion_words.ts";
import { MAN_PAGES } from "../src/cli/manual.ts";
import { controlText, MAINTAINER_SCRIPTS, SITE_INI, unitTemplate } from "./package_debian.ts";
import { billOfMaterials, licenceTexts, type Versions } from "./package_inside.ts";
import { root } from "./test_files.ts";

/** By the number that an ELF file has for its machine (elf(5), e_machine). */
const MACHINES: Readonly<Record<number, { readonly tar: string; readonly debian: string }>> = {
  62: { tar: "x86_64", debian: "amd64" },
  183: { tar: "aarch64", debian: "arm64" },
};

/** What a shell's directory of completions has the script as. */
const COMPLETIONS: Readonly<Record<CompletionShell, string>> = {
  bash: "spooler",
  zsh: "_spooler",
  fish: "spooler.fish",
};
const PAGES = Object.values(MAN_PAGES);

/** @throws {Error} for a file that is no executable of a known machine */
export async function machineOf(path: string) {
  using file = await Deno.open(path);
  const head = new Uint8Array(20);
  await file.read(head);
  const isElf = new TextDecoder().decode(head.subarray(1, 4)) === "ELF" && head[4] === 2;
  const number = new DataView(head.buffer).getUint16(18, true);
  const machine = MACHINES[number];
  if (!isElf || machine === undefined) throw new Error(`${path} is no ELF executable we know`);
  return machine;
}

async function run(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const options: Deno.CommandOptions = { args: [...args], cwd: root, env, stderr: "inherit" };
  const { success, stdout } = await new Deno.Command(command, options).output();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}

/** Writes below a directory, which stands for the root of what is packed. */
class Tree {
  constructor(readonly dir: string) {}

  async text(path: string, text: string, mode = 0o644): Promise<void> {
    await this.#parents(path);
    await Deno.writeTextFile(`${this.dir}/${path}`, text);
    await Deno.chmod(`${this.dir}/${path}`, mode);
  }

  async copy(path: string, from: string, mode = 0o644): Promise<void> {
    await this.#parents(path);
    await Deno.copyFile(from, `${this.dir}/${path}`);
    await Deno.chmod(`${this.dir}/${path}`, mode);
  }

  async #parents(path: string): Promise<void> {
    await Deno.mkdir(`${this.dir}/${path}`.replace(/\/[^/]*$/, ""), {
      recursive: true,
      mode: 0o755,
    });
  }
}

async function sha256(path: string): Promise<string> {
  return (await run("sha256sum", [path])).slice(0, 64);
}

/** What both packages have. */
interface Parts {
  readonly executable: string;
  readonly completions: Readonly<Record<CompletionShell, string>>;
  readonly unit: string;
  readonly licences: ReadonlyMap<string, string>;
  readonly bill: string;
  readonly epoch: number;
}

async function packTar(name: string, parts: Parts, scratch: string, out: string): Promise<void> {
  const tree = new Tree(`${scratch}/${name}`);
  await tree.copy("spooler", parts.executable, 0o755);
  for (const page of PAGES) await tree.copy(`man/${page}`, `${root}docs/man/${page}`);
  for (const [shell, text] of Object.entries(parts.completions)) {
    await tree.text(`completions/${COMPLETIONS[shell as CompletionShell]}`, text);
  }
  await tree.text("spooler@.service", parts.unit);
  await tree.text("site.ini", SITE_INI);
  await tree.text("sbom.cdx.json", parts.bill);
  for (const each of ["README.md", "CHANGELOG.md"]) await tree.copy(each, root + each);
  for (const [inside, text] of parts.licences) await tree.text(`licences/${inside}.txt`, text);
  const order = ["--sort=name", `--mtime=@${parts.epoch}`, "--owner=0", "--group=0"];
  const tar = `${scratch}/${name}.tar`;
  await run("tar", [...order, "--numeric-owner", "--format=gnu", "-C", scratch, "-cf", tar, name]);
  await run("gzip", ["-n", "-6", tar]);
  await Deno.rename(`${tar}.gz`, `${out}/${name}.tar.gz`);
}

async function packDebian(
  version: string,
  architecture: string,
  parts: Parts,
  scratch: string,
  out: string,
): Promise<void> {
  const tree = new Tree(`${scratch}/debian`);
  await tree.copy("usr/bin/spooler", parts.executable, 0o755);
  for (const page of PAGES) {
    const path = `usr/share/man/man${page.at(-1)}/${page}`;
    await tree.copy(path, `${root}docs/man/${page}`);
    await run("gzip", ["-n", "-9", `${tree.dir}/${path}`]);
  }
  const { bash, zsh, fish } = parts.completions;
  await tree.text("usr/share/bash-completion/completions/spooler", bash);
  await tree.text("usr/share/zsh/vendor-completions/_spooler", zsh);
  await tree.text("usr/share/fish/vendor_completions.d/spooler.fish", fish);
  await tree.text("lib/systemd/system/spooler@.service", parts.unit);
  await tree.text("etc/spooler/site.ini", SITE_INI);
  const licences = [...parts.licences].map(([name, text]) => `${name}\n\n${text.trim()}\n`);
  await tree.text("usr/share/doc/spooler/copyright", licences.join(`\n${"-".repeat(70)}\n\n`));
  await tree.text("usr/share/doc/spooler/sbom.cdx.json", parts.bill);
  await tree.copy("usr/share/doc/spooler/changelog.md", `${root}CHANGELOG.md`);
  const sizeKiB = Math.ceil(Number((await run("du", ["-sk", tree.dir])).split("\t")[0]));
  await tree.text("DEBIAN/control", controlText(version, architecture, sizeKiB));
  await tree.text("DEBIAN/conffiles", "/etc/spooler/site.ini\n");
  for (const [name, text] of Object.entries(MAINTAINER_SCRIPTS)) {
    await tree.text(`DEBIAN/${name}`, text, 0o755);
  }
  await run("find", [tree.dir, "-exec", "touch", "-h", "-d", `@${parts.epoch}`, "{}", "+"]);
  const file = `${out}/spooler_${version}_${architecture}.deb`;
  await run("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", tree.dir, file], {
    SOURCE_DATE_EPOCH: String(parts.epoch),
  });
}

/** The time of the last commit, or of SOURCE_DATE_EPOCH, in seconds. */
async function epochOf(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given !== undefined) return Number(given);
  try {
    return Number(await run("git", ["log", "-1", "--format=%ct"]));
  } catch {
    // Sources that were downloaded have no commits.
    throw new Error("here are no commits: set SOURCE_DATE_EPOCH, to seconds since 1970");
  }
}

/**
 * @param version of the packages; the program's own when it is not given
 * @returns the directory that has them
 */
export async function pack(
  { executable, out, version }: { executable: string; out: string; version?: string },
): Promise<string[]> {
  const machine = await machineOf(executable);
  const versions: Versions = JSON.parse(await run(executable, ["--version", "--json"]));
  const number = version ?? versions.spooler;
  const epoch = await epochOf();
  const scratch = await Deno.makeTempDir({ prefix: "spooler-package-" });
  try {
    const ini = `${scratch}/site.ini`;
    // Its directories need not be on this machine; the unit's come from StateDirectory.
    await Deno.writeTextFile(ini, "[uwsgi]\nspooler = spool\n");
    const unit = await run(executable, ["systemd-unit", "--ini", ini]);
    const script = (shell: string) => run(executable, ["completions", shell]);
    const bill = await billOfMaterials(versions, await sha256(executable), epoch);
    const parts: Parts = {
      executable,
      completions: {
        bash: await script("bash"),
        zsh: await script("zsh"),
        fish: await script("fish"),
      },
      unit: unitTemplate(unit, ini, await Deno.realPath(executable)),
      licences: await licenceTexts(versions),
      bill: `${JSON.stringify(bill, null, 2)}\n`,
      epoch,
    };
    await Deno.mkdir(out, { recursive: true });
    await packTar(`spooler-${number}-linux-${machine.tar}`, parts, scratch, out);
    await packDebian(number, machine.debian, parts, scratch, out);
    await Deno.writeTextFile(`${out}/sbom.cdx.json`, parts.bill);
    const files = [...Deno.readDirSync(out)].map(({ name }) => name).toSorted()
      .filter((name) => name !== "SHA256SUMS");
    const sums = [];
    for (const name of files) sums.push(`${await sha256(`${out}/${name}`)}  ${name}\n`);
    await Deno.writeTextFile(`${out}/SHA256SUMS`, sums.join(""));
    return [...files, "SHA256SUMS"];
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

if (import.meta.main) {
  const [executable = `${root}dist/spooler`] = Deno.args;
  const out = `${root}dist/release`;
  await Deno.remove(out, { recursive: true }).catch(() => {});
  for (const name of await pack({ executable, out })) console.log(`dist/release/${name}`);
}
