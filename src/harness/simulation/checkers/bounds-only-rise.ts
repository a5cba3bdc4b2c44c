import type { HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";

/** What was known of a partition's bounds from event number `at` on. */
interface Known {
  readonly at: number;
  readonly logStart: number;
  readonly committed: number;
}

interface Bounds {
  readonly partition: PartitionKey;
  readonly logStart: number;
  /** Undefined: the answer did not say. */
  readonly committed: number | undefined;
  readonly askedAt: number;
}

/**
 * The log start and the committed offset never go back, and the log start rises only where records
 * were asked to be deleted or a topic keeps not everything. After a power cut the end of a topic
 * that does not flush first may lie lower, and after damage that of any. An answer is held against
 * what was known when its question was sent: later answers may overtake it.
 */
export const boundsOnlyRise: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const known = new Map<PartitionKey, Known[]>();
  const deletable = new Map<PartitionKey, number>();
  const complaints: string[] = [];
  let count = 0;
  const raise = ({ partition: key, logStart, committed, askedAt }: Bounds, at: number): void => {
    count += 1;
    const all = known.get(key) ?? [];
    const past = all.findLast((one) => one.at < askedAt) ?? nothingKnown;
    const now = all.at(-1) ?? nothingKnown;
    if (logStart < past.logStart) {
      complaints.push(`${key}: log start ${past.logStart} became ${logStart}`);
    }
    const deleted = deletable.get(key) ?? 0;
    if (logStart > deleted && !rules(key).hasRetention) {
      complaints.push(`${key}: log start ${logStart}, nobody deleted past ${deleted}`);
    }
    const end = committed ?? now.committed;
    if (end < past.committed && committed !== undefined && !spoiled.has(key)) {
      complaints.push(`${key}: committed ${past.committed} became ${end}`);
    }
    const highest = { logStart: Math.max(now.logStart, logStart), committed: end };
    if (!spoiled.has(key)) highest.committed = Math.max(now.committed, end);
    known.set(key, [...all, { at, ...highest }]);
  };
  for (const [at, event] of history.entries()) {
    if (event.kind === "unsyncedLost") {
      for (const [key, all] of known) {
        const logStart = all.at(-1)?.logStart ?? 0;
        if (rules(key).durability === "os") known.set(key, [{ at: 0, logStart, committed: 0 }]);
      }
    } else if (event.kind === "deleteAsked") {
      const before = Math.max(deletable.get(event.partition) ?? 0, event.before);
      deletable.set(event.partition, before);
    } else {
      const bounds = boundsOf(event);
      if (bounds !== undefined) raise(bounds, at);
    }
  }
  return { complaints, count };
};

const nothingKnown: Known = { at: -1, logStart: 0, committed: 0 };

function boundsOf(event: HistoryEvent): Bounds | undefined {
  if (event.kind === "bounds") return event;
  if (event.kind === "deleted") return { ...event, committed: undefined };
  if (event.kind === "final") return { ...event, ...event.end };
  return undefined;
}
