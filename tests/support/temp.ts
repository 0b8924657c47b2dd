/** A directory for one test, which goes with it. */

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

export function tempDir(): Promise<TempDir> {
  return makeIn(undefined);
}

/** One in memory, where there is such a file system: for tests that sync often. */
export async function memoryDir(): Promise<TempDir> {
  return await makeIn("/dev/shm").catch(() => tempDir());
}

async function makeIn(dir: string | undefined): Promise<TempDir> {
  const where = dir === undefined ? {} : { dir };
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "spooler-test-", ...where }));
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
