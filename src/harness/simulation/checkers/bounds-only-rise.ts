import type { PartitionKey } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";

interface Known {
  logStart: number;
  committed: number;
  /** The highest offset before which somebody asked to delete. */
  deletable: number;
}

/**
 * The log start and the committed offset never go back, and the log start rises only where records
 * were asked to be deleted or a topic keeps not everything. After a power cut the end of a topic
 * that does not flush first may lie lower, and after damage that of any.
 */
export const boundsOnlyRise: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const known = new Map<PartitionKey, Known>();
  const complaints: string[] = [];
  let count = 0;
  const find = (key: PartitionKey): Known => {
    const found = known.get(key) ?? { logStart: 0, committed: 0, deletable: 0 };
    known.set(key, found);
    return found;
  };
  const raise = (key: PartitionKey, logStart: number, committed: number): void => {
    count += 1;
    const past = find(key);
    if (logStart < past.logStart) {
      complaints.push(`${key}: log start ${past.logStart} became ${logStart}`);
    }
    if (logStart > past.deletable && !rules(key).hasRetention) {
      complaints.push(`${key}: log start ${logStart}, nobody deleted past ${past.deletable}`);
    }
    if (committed < past.committed && !spoiled.has(key)) {
      complaints.push(`${key}: committed ${past.committed} became ${committed}`);
    }
    past.logStart = logStart;
    past.committed = committed;
  };
  for (const event of history) {
    if (event.kind === "power") {
      for (const [key, past] of known) if (rules(key).durability === "os") past.committed = 0;
    } else if (event.kind === "deleteAsked") {
      const past = find(event.partition);
      past.deletable = Math.max(past.deletable, event.before);
    } else if (event.kind === "deleted") {
      raise(event.partition, event.logStart, find(event.partition).committed);
    } else if (event.kind === "bounds") raise(event.partition, event.logStart, event.committed);
    else if (event.kind === "final") {
      raise(event.partition, event.end.logStart, event.end.committed);
    }
  }
  return { complaints, count };
};
