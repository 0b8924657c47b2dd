/** "Did you mean …?": the known name that is a slip of the finger away. @pure */

/**
 * The nearest of `names`, or undefined when none is near: up to one wrong, missing, extra or
 * swapped letter in five, three at the most. `-` and `_` count as the same.
 *
 * @param least letters that may be wrong however short the word is: 1 where there are few names
 */
export function nearest(word: string, names: Iterable<string>, least = 0): string | undefined {
  const wanted = normal(word);
  if (wanted.length < 4 - least || wanted.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(least, Math.floor(wanted.length / 5))) + 1;
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) >= bestDistance) continue;
    const candidate = normal(name);
    const found = distance(wanted, candidate);
    if (found < bestDistance) {
      best = name;
      bestDistance = found;
    }
  }
  return best;
}

function normal(word: string): string {
  return word.toLowerCase().replaceAll("_", "-");
}

/** Optimal string alignment: Levenshtein, with a swap of neighbours as one step. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let steps = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + same,
      );
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, (before[j - 2] ?? 0) + 1);
      }
      row.push(steps);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
