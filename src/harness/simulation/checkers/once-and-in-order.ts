import type { Checker } from "./checker.ts";

/**
 * In each partition the records of one producer lie in the order it sent them, and those of an
 * idempotent one lie there once.
 */
export const onceAndInOrder: Checker = (history) => {
  const idempotent = new Set<string>();
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind === "sent" && event.isIdempotent) {
      for (const stamp of event.stamps) idempotent.add(stamp);
    }
    if (event.kind !== "final") continue;
    const seen = new Map<string, number>();
    const newest = new Map<string, number>();
    for (const { offset, stamp } of event.end.records) {
      if (stamp === undefined) continue;
      count += 1;
      const place = `${event.partition}@${offset}`;
      const before = seen.get(stamp);
      if (before !== undefined && idempotent.has(stamp)) {
        complaints.push(`${place}: ${stamp} is at ${before} already`);
      }
      seen.set(stamp, offset);
      const [producer = "", number = ""] = stamp.split("/");
      if (Number(number) < (newest.get(producer) ?? 0)) {
        complaints.push(`${place}: ${stamp} lies behind a later record of its producer`);
      }
      newest.set(producer, Math.max(Number(number), newest.get(producer) ?? 0));
    }
  }
  return { complaints, count };
};
