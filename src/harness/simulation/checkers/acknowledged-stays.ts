import type { FinalState, HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";

/**
 * The durability ledger: each acknowledged record is at its offset when all faults are over. What
 * was deleted may be gone, what was damaged may be unreadable, and a topic that answers before it
 * flushes may lose in a power cut what it acknowledged before.
 */
export const acknowledgedStays: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const finals = finalStates(history);
  const lastLoss = history.findLastIndex(({ kind }) => kind === "unsyncedLost");
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "acked") continue;
    const { partition, baseOffset, stamps, askedAt } = event;
    const end = finals.get(partition);
    if (end === undefined) continue;
    if (rules(partition).durability === "os" && askedAt <= lastLoss) continue;
    for (const [delta, stamp] of stamps.entries()) {
      const offset = baseOffset + delta;
      if (offset < end.state.logStart || spoiled.has(partition, offset)) continue;
      if (rules(partition).isCompacted) continue;
      count += 1;
      const found = end.stamps.get(offset);
      if (found === stamp) continue;
      complaints.push(`${partition}@${offset}: acknowledged ${stamp}, found ${found ?? "nothing"}`);
    }
  }
  return { complaints, count };
};

interface Final {
  readonly state: FinalState;
  readonly stamps: ReadonlyMap<number, string | undefined>;
}

function finalStates(history: readonly HistoryEvent[]): Map<PartitionKey, Final> {
  const finals = new Map<PartitionKey, Final>();
  for (const event of history) {
    if (event.kind !== "final") continue;
    const stamps = new Map(event.end.records.map(({ offset, stamp }) => [offset, stamp]));
    finals.set(event.partition, { state: event.end, stamps });
  }
  return finals;
}
