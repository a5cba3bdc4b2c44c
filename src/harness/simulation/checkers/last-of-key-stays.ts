import type { HistoryEvent, PartitionKey, RecordSeen } from "../history.ts";
import { isTombstone, keyOfStamp } from "../stamps.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";

/** Two readings of a wall clock that may be wrong by five seconds either way. */
const skewMsMax = 11_000;

/**
 * What compaction may take: in a compacted topic the newest record of each key is there when all
 * faults are over, or a newer one of that key. A tombstone stays as long as the topic says, and
 * where it has gone nothing of its key from before it is there.
 */
export const lastOfKeyStays: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const known = new Known(history);
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "final") continue;
    const { partition, end, atMs } = event;
    const { isCompacted, deleteRetentionMs = 0 } = rules(partition);
    if (!isCompacted) continue;
    const found = newestOf(end.records);
    for (const [key, last] of known.newest(partition)) {
      if (last.offset < end.logStart || spoiled.has(partition, last.offset)) continue;
      count += 1;
      const left = found.get(key);
      if (left !== undefined && left.offset >= last.offset) continue;
      // A newer one may lie where nothing can be read, or be a tombstone that nobody saw.
      if (end.unreadable.some((offset) => offset > last.offset)) continue;
      if (known.hasUnseenTombstone(partition, key)) continue;
      const place = `${partition}@${last.offset}, ${key}`;
      const mayBeGone = atMs - known.sentAtMs(last.stamp) >= deleteRetentionMs - skewMsMax;
      if (!isTombstone(last.stamp)) complaints.push(`${place}: ${last.stamp} is gone`);
      else if (!mayBeGone) complaints.push(`${place}: tombstone ${last.stamp} went too early`);
      else if (left !== undefined) {
        complaints.push(`${place}: ${left.stamp} came back behind tombstone ${last.stamp}`);
      }
    }
  }
  return { complaints, count };
};

interface Written {
  readonly offset: number;
  readonly stamp: string;
}

type Newest = Map<string, Written>;

/** What clients know to be in compacted topics, or to have been. */
class Known {
  readonly #newest = new Map<PartitionKey, Newest>();
  readonly #sentAtMs = new Map<string, number>();
  /** Tombstones that were sent; by partition and key those that were seen nowhere. */
  readonly #unseen = new Map<string, Set<string>>();

  constructor(history: readonly HistoryEvent[]) {
    const rules = rulesOf(history);
    const lastLoss = history.findLastIndex(({ kind }) => kind === "unsyncedLost");
    for (const event of history) {
      if (event.kind === "sent") this.#noteSent(event);
      if (event.kind !== "acked" && event.kind !== "read") continue;
      const { isCompacted, durability } = rules(event.partition);
      // What was there before unsynced bytes were lost may be gone.
      if (!isCompacted || (durability === "os" && event.askedAt <= lastLoss)) continue;
      for (const written of writtenBy(event)) this.#note(event.partition, written);
    }
  }

  newest(partition: PartitionKey): ReadonlyMap<string, Written> {
    return this.#newest.get(partition) ?? new Map<string, Written>();
  }

  sentAtMs(stamp: string): number {
    return this.#sentAtMs.get(stamp) ?? 0;
  }

  hasUnseenTombstone(partition: PartitionKey, key: string): boolean {
    return (this.#unseen.get(`${partition} ${key}`)?.size ?? 0) > 0;
  }

  #noteSent({ atMs, partition, stamps }: HistoryEvent & { kind: "sent" }): void {
    for (const stamp of stamps) {
      this.#sentAtMs.set(stamp, atMs);
      if (!isTombstone(stamp)) continue;
      const place = `${partition} ${keyOfStamp(stamp)}`;
      this.#unseen.set(place, (this.#unseen.get(place) ?? new Set()).add(stamp));
    }
  }

  #note(partition: PartitionKey, { offset, stamp }: Written): void {
    const newest = this.#newest.get(partition) ?? new Map<string, Written>();
    this.#newest.set(partition, newest);
    const key = keyOfStamp(stamp);
    this.#unseen.get(`${partition} ${key}`)?.delete(stamp);
    if (offset >= (newest.get(key)?.offset ?? 0)) newest.set(key, { offset, stamp });
  }
}

function writtenBy(event: HistoryEvent & { kind: "acked" | "read" }): Written[] {
  if (event.kind === "read") return event.records.filter(isStamped);
  return event.stamps.map((stamp, delta) => ({ offset: event.baseOffset + delta, stamp }));
}

function isStamped(record: RecordSeen): record is Written {
  return record.stamp !== undefined;
}

function newestOf(records: readonly RecordSeen[]): Newest {
  const newest: Newest = new Map();
  for (const record of records) {
    if (isStamped(record)) newest.set(keyOfStamp(record.stamp), record);
  }
  return newest;
}
