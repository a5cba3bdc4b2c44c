/** The known name that `name` was probably meant to be; undefined when none is near. */
export function closestName(name: string, known: Iterable<string>): string | undefined {
  let closest: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const candidate of known) {
    const edits = editCount(name.toLowerCase(), candidate);
    if (edits >= least) continue;
    least = edits;
    closest = candidate;
  }
  return closest;
}

/** Insertions, deletions and replacements of a character that make one text the other. */
function editCount(one: string, other: string): number {
  let before = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row++) {
    const line = [row];
    for (let at = 1; at <= other.length; at++) {
      const replaced = (before[at - 1] ?? 0) + (one[row - 1] === other[at - 1] ? 0 : 1);
      line.push(Math.min(replaced, (before[at] ?? 0) + 1, (line[at - 1] ?? 0) + 1));
    }
    before = line;
  }
  return before[other.length] ?? 0;
}
