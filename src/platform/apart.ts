/**
 * Does a piece of work whose unexpected error must not end the work around it. The error is reported
 * as one that nobody has caught.
 */
export function apart(work: () => void): void {
  try {
    work();
  } catch (error) {
    reportError(error);
  }
}
