/** A control group whose processes together may use only so much memory; cgroups(7), both versions. */

import { join } from "@std/path";
import { quietly, textOf } from "../../src/platform/quietly.ts";

export class MemoryGroup implements Disposable {
  private constructor(private readonly dir: string) {}

  /** @throws {Error} when this user may not */
  static make(bytes: number): MemoryGroup {
    const [parent, limit] = parentGroup();
    const dir = join(parent, `spooler-test-${crypto.randomUUID()}`);
    Deno.mkdirSync(dir);
    try {
      Deno.writeTextFileSync(join(dir, limit), String(bytes));
      quietly(() => Deno.writeTextFileSync(join(dir, "memory.swap.max"), "0"));
      return new MemoryGroup(dir);
    } catch (error) {
      Deno.removeSync(dir);
      throw error;
    }
  }

  /** A shell that runs in it what its arguments say. */
  get shell(): string {
    return `echo $$ > ${this.dir}/cgroup.procs; exec "$@"`;
  }

  /** To be called when no process is left in it. */
  [Symbol.dispose](): void {
    quietly(() => Deno.removeSync(this.dir));
  }
}

/** Where a group may be made, and the file of its limit. */
function parentGroup(): [dir: string, limit: string] {
  const own = textOf("/proc/self/cgroup")?.split("\n") ?? [];
  const first = own.flatMap((line) => /^\d+:memory:(.*)$/.exec(line)?.[1] ?? [])[0];
  if (first !== undefined) {
    const here = `/sys/fs/cgroup/memory${first}`;
    const dir = textOf(join(here, "cgroup.procs")) === undefined ? "/sys/fs/cgroup/memory" : here;
    return [dir, "memory.limit_in_bytes"];
  }
  return ["/sys/fs/cgroup", "memory.max"];
}

export function canLimitMemory(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    using _group = MemoryGroup.make(1 << 30);
    return true;
  } catch {
    return false;
  }
}
