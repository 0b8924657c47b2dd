/**
 * `deno task package:python [DIR]`: the files of `spooler python-client` as a wheel, in dist/ or DIR. A
 * wheel is a zip file with two files about it: no Python is needed to make one.
 */

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { PYTHON_CLIENT_FILES, writePythonClient } from "../src/worker/python.ts";
import { joined } from "../src/platform/bytes.ts";
import { VERSION } from "../src/platform/version.ts";
import { root } from "./test_files.ts";

const METADATA = `Metadata-Version: 2.1
Name: spooler-client
Version: ${VERSION}
Summary: Puts tasks for spooler, with uWSGI's decorators, from any Python program
License: MIT
Requires-Python: >=3.8
`;

const WHEEL = `Wheel-Version: 1.0
Generator: spooler
Root-Is-Purelib: true
Tag: py3-none-any
`;

interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/** @returns the path of the wheel */
export async function writeWheel(dir: string): Promise<string> {
  const scratch = await Deno.makeTempDir({ prefix: "spooler-wheel-" });
  try {
    await writePythonClient(scratch);
    const entries: Entry[] = [];
    for (const name of [...PYTHON_CLIENT_FILES.keys()].toSorted()) {
      entries.push({ name, bytes: await Deno.readFile(`${scratch}/${name}`) });
    }
    const about = `spooler_client-${VERSION}.dist-info`;
    entries.push({ name: `${about}/METADATA`, bytes: encoder.encode(METADATA) });
    entries.push({ name: `${about}/WHEEL`, bytes: encoder.encode(WHEEL) });
    const licence = await Deno.readFile(`${root}LICENSE`);
    entries.push({ name: `${about}/LICENSE`, bytes: licence });
    const record = `${about}/RECORD`;
    const lines = [...entries.map(recordLine), `${record},,`, ""];
    entries.push({ name: record, bytes: encoder.encode(lines.join("\n")) });
    const path = `${dir}/spooler_client-${VERSION}-py3-none-any.whl`;
    await Deno.mkdir(dir, { recursive: true });
    await Deno.writeFile(path, zip(entries));
    return path;
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function recordLine({ name, bytes }: Entry): string {
  const hash = createHash("sha256").update(bytes).digest("base64url");
  return `${name},sha256=${hash},${bytes.length}`;
}

/** 1 January 1980, midnight: the earliest that a zip file can say, so that two builds are the same. */
const DOS_DATE = 0x21;
const ZIP_VERSION = 20;
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** A regular file of mode 644, made on Unix. */
const UNIX_MADE = 3 << 8 | ZIP_VERSION;
const ATTRIBUTES = 0o100644 * 0x10000;

/** Not compressed: the files are small. */
function zip(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  for (const { name, bytes } of entries) {
    const path = encoder.encode(name);
    const common = [
      ...[u16(ZIP_VERSION), u16(0), u16(0), u16(0), u16(DOS_DATE), u32(crc32(bytes))],
      ...[u32(bytes.length), u32(bytes.length), u16(path.length), u16(0)],
    ];
    const local = joined([u32(LOCAL), ...common, path, bytes]);
    central.push(joined([
      ...[u32(CENTRAL), u16(UNIX_MADE), ...common, u16(0), u16(0), u16(0), u32(ATTRIBUTES)],
      ...[u32(at), path],
    ]));
    parts.push(local);
    at += local.length;
  }
  const directory = joined(central);
  const counts = [u16(entries.length), u16(entries.length), u32(directory.length), u32(at)];
  return joined([...parts, directory, u32(END), u16(0), u16(0), ...counts, u16(0)]);
}

const u16 = (value: number) => Uint8Array.of(value & 0xff, value >>> 8);
const u32 = (value: number) => joined([u16(value & 0xffff), u16(value >>> 16)]);

if (import.meta.main) console.log(await writeWheel(Deno.args[0] ?? `${root}dist`));
