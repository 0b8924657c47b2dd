/** Counts for people: `1 task`, `3 tasks`. @pure */

/** @param many of more than one, or none; with an s when it is not given */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
