/** The test files, for the tasks that run some of them. */

export const root = new URL("../", import.meta.url).pathname;

/** Every test file, from the root. */
export function testFiles(dir = "tests"): string[] {
  return [...Deno.readDirSync(root + dir)].flatMap(({ name, isDirectory }) => {
    const path = `${dir}/${name}`;
    if (isDirectory) return testFiles(path);
    return name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}
