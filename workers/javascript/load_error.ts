/** A module cannot be loaded; the message names the file, and the line where that is known. */
export class LoadError extends Error {
  override name = "LoadError";
}
