/** A machine in memory, for configurations that are read in tests. */

import { dirname, resolve } from "@std/path";
import { zoneOf } from "../../src/platform/zone.ts";
import { type ConfigHost, HostError } from "../../src/config/host.ts";

export interface Machine {
  /** Contents by absolute path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** What commands print. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly isReload?: boolean;
}

const encoder = new TextEncoder();

export function fakeHost(machine: Machine = {}): ConfigHost {
  const files = new Map(
    Object.entries(machine.files ?? {}).map(([path, content]) => [
      path,
      typeof content === "string" ? encoder.encode(content) : content,
    ]),
  );
  const dirs = new Set(["/", "/srv"]);
  for (const path of files.keys()) {
    for (let dir = dirname(path); dir !== "/"; dir = dirname(dir)) dirs.add(dir);
  }
  const limited = (bytes: Uint8Array | undefined, maxBytes: number): Promise<Uint8Array> => {
    if (bytes === undefined) return Promise.reject(new HostError("no such file"));
    if (bytes.length > maxBytes) return Promise.reject(new HostError("it is too large"));
    return Promise.resolve(bytes);
  };
  const kindOf = (path: string) => {
    const clean = resolve(path);
    return files.has(clean) ? "file" as const : dirs.has(clean) ? "dir" as const : undefined;
  };
  return {
    cwd: "/srv",
    hostname: "box",
    uid: machine.uid ?? 1000,
    gid: 1000,
    user: machine.uid === 0 ? "root" : "app",
    group: "app",
    cpus: 4,
    nowMicros: 1_795_000_000_000_000,
    executable: "/usr/bin/spooler",
    isReload: machine.isReload ?? false,
    environment: new Map(Object.entries(machine.environment ?? {})),
    read: (source, maxBytes) => {
      if (source === "-") return limited(encoder.encode(machine.stdin ?? ""), maxBytes);
      return limited(files.get(String(source)), maxBytes);
    },
    run: (command, maxBytes) => {
      const printed = machine.commands?.[command];
      return limited(printed === undefined ? undefined : encoder.encode(printed), maxBytes);
    },
    zone: (tz) => zoneOf(tz || "UTC"),
    kindOf,
    isLink: () => false,
    isReadable: (path) => kindOf(path) !== undefined,
    inodeOf: (path) => files.has(path) ? 42 : undefined,
    realPath: (path) => kindOf(path) === undefined ? undefined : resolve(path),
    list: (dir) =>
      [...new Set([...files.keys(), ...dirs])].filter((path) => dirname(path) === resolve(dir))
        .map((path) => path.slice(path.lastIndexOf("/") + 1)).filter((name) => name !== ""),
  };
}
