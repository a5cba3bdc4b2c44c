import type { HistoryEvent, PartitionKey, StoredBatch } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";

interface Bounds {
  readonly logStart: number;
  readonly committed: number;
}

/**
 * Below the committed offset all replicas hold the same bytes, batch by batch, once the faults are
 * over, and each holds all that is not deleted. Replicas of a compacted log clean it each for
 * itself: they are not compared.
 */
export const replicasAreEqual: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const ends = new Map<PartitionKey, Bounds>();
  for (const event of history) if (event.kind === "final") ends.set(event.partition, event.end);
  const compared = new Compared();
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "replica") continue;
    const { partition } = event;
    const end = ends.get(partition);
    if (end === undefined || rules(partition).isCompacted || spoiled.has(partition)) continue;
    count += 1;
    const batches = event.batches.filter(
      (batch) => batch.nextOffset > end.logStart && batch.baseOffset < end.committed,
    );
    // Retention goes on after all was read.
    const logStart = rules(partition).hasRetention
      ? (batches[0]?.baseOffset ?? end.committed)
      : end.logStart;
    const bounds = { logStart, committed: end.committed };
    complaints.push(...compared.take(event, batches), ...holesIn(event, batches, bounds));
  }
  return { complaints, count };
};

type Replica = Extract<HistoryEvent, { kind: "replica" }>;

/** What the first replica that was looked at holds at each offset. */
class Compared {
  readonly #batches = new Map<string, StoredBatch & { readonly nodeId: number }>();

  take({ partition, nodeId }: Replica, batches: readonly StoredBatch[]): string[] {
    return batches.flatMap((batch) => {
      const place = `${partition}@${batch.baseOffset}`;
      const known = this.#batches.get(place) ?? { ...batch, nodeId };
      this.#batches.set(place, known);
      if (known.sum === batch.sum && known.nextOffset === batch.nextOffset) return [];
      return [`${place}: nodes ${known.nodeId} and ${nodeId} hold different bytes`];
    });
  }
}

function holesIn(
  { partition, nodeId }: Replica,
  batches: readonly StoredBatch[],
  { logStart, committed }: Bounds,
): string[] {
  let next = logStart;
  for (const batch of batches) {
    if (batch.baseOffset > next) break;
    next = batch.nextOffset;
  }
  return next < committed ? [`${partition}: node ${nodeId} lacks ${next}`] : [];
}
