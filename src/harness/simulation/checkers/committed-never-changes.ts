import type { PartitionKey, RecordSeen } from "../history.ts";
import { type Checker, Spoiled } from "./checker.ts";
import { Losses } from "./losses.ts";

/**
 * What one reader saw at an offset, or a producer was told of it, is what every later reader sees
 * there. Only damage may change that, and a loss (`Losses`).
 */
export const committedNeverChanges: Checker = (history) => {
  const losses = new Losses();
  for (const event of history) losses.learn(event);
  const spoiled = new Spoiled(history);
  const seen = new Map<PartitionKey, Map<number, string | undefined>>();
  const complaints: string[] = [];
  let count = 0;
  const note = (partition: PartitionKey, records: readonly RecordSeen[], who: string): void => {
    const known = seen.get(partition) ?? new Map<number, string | undefined>();
    seen.set(partition, known);
    for (const { offset, stamp } of records) {
      if (spoiled.has(partition, offset)) continue;
      count += 1;
      if (known.has(offset) && known.get(offset) !== stamp) {
        const was = known.get(offset) ?? "unknown bytes";
        complaints.push(`${partition}@${offset}: was ${was}, ${who} sees ${stamp ?? "others"}`);
      }
      known.set(offset, stamp);
    }
  };
  /** Answered before the loss, and told only now. */
  const isStale = ({ partition, askedAt }: { partition: PartitionKey; askedAt: number }): boolean =>
    askedAt <= losses.last(partition);
  for (const [at, event] of history.entries()) {
    if (losses.take(at, event)) {
      for (const key of seen.keys()) if (losses.last(key) === at) seen.delete(key);
    } else if (event.kind === "acked" && event.isOfHeadAlone !== true) {
      const { baseOffset, stamps } = event;
      const records = stamps.map((stamp, delta) => ({ offset: baseOffset + delta, stamp }));
      if (!isStale(event)) note(event.partition, records, "a producer");
    } else if (event.kind === "read" && !isStale(event)) {
      note(event.partition, event.records, event.reader);
    }
  }
  return { complaints, count };
};
