/** What is inside the executable: a bill of materials (CycloneDX), and the licences. */

import { findPackage } from "./npm_packages.ts";
import { root } from "./test_files.ts";

/** `spooler --version --json`. */
export interface Versions {
  readonly spooler: string;
  readonly deno: string;
  readonly v8: string;
  readonly target: string;
  readonly packages: Readonly<Record<string, string>>;
}

interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

const LICENCES: Readonly<Record<string, string>> = {
  deno: "MIT",
  v8: "BSD-3-Clause",
  tweetnacl: "Unlicense",
};

function licenceIdOf(name: string): string {
  return LICENCES[name] ?? (name.startsWith("@nats-io/") ? "Apache-2.0" : "MIT");
}

/** CycloneDX 1.5, JSON. */
export async function billOfMaterials(versions: Versions, sha256: string, epoch: number) {
  const lock: Lock = JSON.parse(await Deno.readTextFile(`${root}deno.lock`));
  const packages = Object.entries(versions.packages).map(([name, version]) => ({
    type: "library",
    "bom-ref": urlOf(name, version),
    name,
    version,
    purl: urlOf(name, version),
    licenses: [{ license: { id: licenceIdOf(name) } }],
    hashes: [{ alg: "SHA-512", content: hexOf(lock.npm[`${name}@${version}`]?.integrity ?? "") }],
  }));
  const runtime = (["deno", "v8"] as const).map((name) => ({
    type: "framework",
    "bom-ref": `pkg:generic/${name}@${versions[name]}`,
    name,
    version: versions[name],
    purl: `pkg:generic/${name}@${versions[name]}`,
    licenses: [{ license: { id: licenceIdOf(name) } }],
  }));
  const own = `pkg:generic/spooler@${versions.spooler}`;
  const inside = [...runtime, ...packages];
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    // The same executable has the same number.
    serialNumber: `urn:uuid:${uuidOf(sha256)}`,
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": own,
        name: "spooler",
        version: versions.spooler,
        purl: own,
        licenses: [{ license: { id: "MIT" } }],
        hashes: [{ alg: "SHA-256", content: sha256 }],
      },
    },
    components: inside,
    dependencies: [{ ref: own, dependsOn: inside.map((each) => each["bom-ref"]) }],
  };
}

function urlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** `sha512-` and base64, as lock files have it. */
function hexOf(integrity: string): string {
  const [, base64] = /^sha512-(.+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`deno.lock has no SHA-512: "${integrity}"`);
  return Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, "0"))
    .join("");
}

function uuidOf(sha256: string): string {
  const [a, b, c, d, e] = /^(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(sha256)?.slice(1) ?? [];
  return `${a}-${b}-5${c}-8${d}-${e}`;
}

/** Licence texts by file name. */
export async function licenceTexts(versions: Versions): Promise<ReadonlyMap<string, string>> {
  const own = await Deno.readTextFile(`${root}LICENSE`);
  const mit = (holder: string) => own.replace(/^Copyright .*$/m, `Copyright ${holder}`);
  const texts = new Map([
    ["spooler", own],
    [`deno-${versions.deno}`, mit("(c) 2018-2025 the Deno authors")],
  ]);
  for (const [name, version] of Object.entries(versions.packages)) {
    const text = await licenceOf(name, version);
    // The package of the standard library has no file of its own; it is Deno's.
    texts.set(
      `${name.replace("@nats-io/", "nats-io-")}-${version}`,
      text ?? mit("(c) 2018-2025 the Deno authors"),
    );
  }
  return texts;
}

/** Null for a package without a file of it. */
async function licenceOf(name: string, version: string): Promise<string | null> {
  const dir = await findPackage(name, version);
  for await (const { name: file } of Deno.readDir(dir)) {
    if (/^licen[cs]e(\.\w+)?$/i.test(file)) return Deno.readTextFile(`${dir}/${file}`);
  }
  return null;
}
