/**
 * Magic variables: what `%d`, `%n` and the others stand for while a file is read.
 *
 * Source: uWSGI 2.0.21 core/uwsgi.c, uwsgi_setup and config_magic_table_fill.
 *
 * @pure
 */

import { encodeBytes } from "./bytes.ts";
import type { ConfigHost } from "./host.ts";
import type { MagicTable } from "./ini.ts";

/** Lower case: of the file being read. Upper case: of the file everything began with. */
const OF_A_FILE = "odspcenxij";

export class Magic {
  readonly #table = new Map<string, string>();
  readonly #host: ConfigHost;
  #hasFirst = false;

  constructor(host: ConfigHost, version: string) {
    this.#host = host;
    const fixed: Record<string, string> = {
      v: host.cwd,
      h: host.hostname,
      t: String(Math.floor(host.nowMicros / 1_000_000)),
      T: String(host.nowMicros),
      V: version,
      k: String(host.cpus),
      "[": "\x1b",
      u: String(host.uid),
      g: String(host.gid),
      b: host.executable,
    };
    for (const [name, value] of Object.entries(fixed)) this.#table.set(name, encodeBytes(value));
    for (const name of `${OF_A_FILE}${OF_A_FILE.toUpperCase()}0123456789`) {
      this.#table.set(name, "");
    }
  }

  /** The names of the user and the group are looked up where an ini asks for them. */
  readonly table: MagicTable = { get: (letter) => this.#table.get(letter) ?? this.#name(letter) };

  #name(letter: string): string | undefined {
    if (letter !== "U" && letter !== "G") return undefined;
    return encodeBytes(letter === "U" ? this.#host.user : this.#host.group);
  }

  /** A section of the file that was read last. */
  enterSection(section: string): void {
    this.#table.set("o", "");
    this.#table.set("x", section);
  }

  /** A source without a path: a descriptor, a command, standard input. */
  enterStream(name: string): void {
    this.#table.set("o", name);
  }

  /**
   * @param name as it was written
   * @param path absolute; a symbolic link stays one
   * @param section empty when none was asked for
   */
  enterFile(name: string, path: string, section: string): void {
    const set = (letter: string, value: string) => this.#table.set(letter, encodeBytes(value));
    const slash = path.lastIndexOf("/");
    const base = path.slice(slash + 1);
    const dir = path.slice(0, slash);
    const dot = base.lastIndexOf(".");
    const inode = this.#host.inodeOf(path);
    set("o", name);
    set("p", path);
    set("s", base);
    set("d", `${dir}/`);
    set("c", dir.slice(dir.lastIndexOf("/") + 1));
    set("e", dot === -1 ? "" : base.slice(dot + 1));
    set("n", dot === -1 ? base : base.slice(0, dot));
    set("x", section);
    set("i", inode === undefined ? "" : String(inode));
    set("j", hashText(encodeBytes(path)));
    const parts = dir.split("/").filter((part) => part !== "");
    for (let digit = 0; digit <= 9; digit++) set(String(digit), parts[digit] ?? "");
    if (this.#hasFirst) return;
    this.#hasFirst = true;
    for (const letter of OF_A_FILE) {
      this.#table.set(letter.toUpperCase(), this.#table.get(letter) ?? "");
    }
  }
}

/** uWSGI's hash of a path (core/hash.c, djb33x with signed bytes), its four bytes in hexadecimal. */
function hashText(bytes: string): string {
  let hash = 5381;
  for (let at = 0; at < bytes.length; at++) {
    const signed = bytes.charCodeAt(at) << 24 >> 24;
    hash = ((Math.imul(hash, 33)) ^ signed) >>> 0;
  }
  const little = [hash, hash >>> 8, hash >>> 16, hash >>> 24].map((byte) => byte & 0xff);
  return little.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
}
