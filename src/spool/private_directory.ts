/** A directory above that of a spool, in a place where everybody may make files. */

/**
 * Makes it where it is missing.
 *
 * @throws {Error} when it is somebody else's, or others may write to it
 */
export function makePrivateDirectory(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { isDirectory, uid, mode } = Deno.lstatSync(path);
  if (!isDirectory || uid !== Deno.uid() || ((mode ?? 0) & 0o077) !== 0) {
    throw new Error(`${path} is not a directory of this user alone`);
  }
}
