/**
 * `full_disk_sockets.ts DIR`: opens workers' sockets on a file system of DIR that has no room for them, and
 * says what was there before and after. A process of its own: others open files beside a test.
 */

import { join } from "@std/path";
import { SocketDirectory } from "../../src/worker/sockets.ts";
import { FakeClock } from "./clock.ts";
import { platform } from "./platform.ts";

const namesIn = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).toSorted();

function failure(call: () => unknown): string {
  try {
    call();
    return "";
  } catch (error) {
    return String(error);
  }
}

const [dir = ""] = Deno.args;
await using own = await SocketDirectory.make(platform.claims, new FakeClock(), dir);
const ballast = join(dir, "ballast");
const failures = [failure(() => Deno.writeFileSync(ballast, new Uint8Array(128 * 1024)))];
const seen = () => [namesIn(own.path), namesIn("/proc/self/fd").length];
const before = seen();
for (let i = 0; i < 5; i++) failures.push(failure(() => own.listen()));
const after = seen();
Deno.removeSync(ballast);
await own.listen().remove();
console.log(JSON.stringify({ before, after, failures }));
