/** Where Deno keeps the files of npm packages. */

import { root } from "./test_files.ts";

/** The directory of a package. @throws {Error} when it has not been fetched */
export async function findPackage(name: string, version: string): Promise<string> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: root });
  const { npmCache } = JSON.parse(new TextDecoder().decode((await info.output()).stdout)) as {
    npmCache: string;
  };
  for await (const { name: registry } of Deno.readDir(npmCache)) {
    const dir = `${npmCache}/${registry}/${name}/${version}`;
    if (await Deno.stat(dir).then(() => true, () => false)) return dir;
  }
  throw new Error(`${name} ${version} is not in ${npmCache}: deno cache main.ts`);
}
