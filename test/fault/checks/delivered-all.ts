/** Offsets below `end` that reached no member of a group. */
export function findUndelivered(
  key: string,
  delivered: ReadonlySet<number>,
  end: number,
): string[] {
  const missing: number[] = [];
  for (let offset = 0; offset < end; offset += 1) if (!delivered.has(offset)) missing.push(offset);
  if (missing.length === 0) return [];
  return [`${key}: ${missing.length} records reached no member, the first is ${missing[0]}`];
}
