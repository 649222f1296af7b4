// "Did you mean": the closest of a few known words, when it is close enough to be a typing error. Used for keys of the
// configuration and for names given to the admin API.

/** The word with the least edit distance (swaps count one), at most a third of its length; undefined: none is close. */
export function nearestWord(text: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  if (text.length > 64) return undefined;
  for (const word of words) {
    if (word.length > 64) continue;
    const distance = editDistance(text.toLowerCase(), word.toLowerCase());
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(word.length / 3))) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

/** Optimal string alignment distance. */
function editDistance(a: string, b: string): number {
  let previous: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(substitution, row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, previous[j - 2]! + 1);
      }
      next.push(distance);
    }
    previous = row;
    row = next;
  }
  return row[b.length]!;
}
