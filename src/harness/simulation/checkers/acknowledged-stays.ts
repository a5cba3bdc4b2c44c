import type { FinalState, HistoryEvent, PartitionKey, RecordSeen } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";
import { Losses } from "./losses.ts";

/**
 * The durability ledger: each acknowledged record, and each that was read, is at its offset when
 * all faults are over. What was deleted may be gone, what was damaged may be unreadable, and what
 * was acknowledged before a loss (`Losses`) may have been lost. What a head acknowledged for itself
 * alone stays as long as it is the head.
 */
export const acknowledgedStays: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const finals = finalStates(history);
  const losses = Losses.in(history);
  const heads = headsIn(history);
  const complaints: string[] = [];
  let count = 0;
  /** What the event tells is to be there still. */
  const isKept = (event: HistoryEvent): event is Held => {
    if (event.kind !== "acked" && event.kind !== "read") return false;
    const { partition, askedAt } = event;
    if (askedAt <= losses.last(partition) || rules(partition).isCompacted) return false;
    const isAlone = event.kind === "acked" && event.isOfHeadAlone === true;
    return !isAlone || !heads.some((one) => one.partition === partition && one.until > askedAt);
  };
  for (const event of history) {
    if (!isKept(event)) continue;
    const end = finals.get(event.partition);
    if (end === undefined) continue;
    const { partition } = event;
    for (const { offset, stamp } of recordsOf(event)) {
      if (offset < end.state.logStart || spoiled.has(partition, offset)) continue;
      count += 1;
      const found = end.stamps.get(offset);
      if (found === stamp) continue;
      const known = event.kind === "acked" ? "acknowledged" : "read";
      const record = `${known} ${stamp ?? "other bytes"}`;
      complaints.push(`${partition}@${offset}: ${record}, found ${found ?? "nothing"}`);
    }
  }
  return { complaints, count };
};

type Held = Extract<HistoryEvent, { kind: "acked" | "read" }>;

function recordsOf(event: Held): readonly RecordSeen[] {
  if (event.kind === "read") return event.records;
  return event.stamps.map((stamp, delta) => ({ offset: event.baseOffset + delta, stamp }));
}

/** Heads that are so no more, and the number of the event that ended it. */
function headsIn(history: readonly HistoryEvent[]): { partition: PartitionKey; until: number }[] {
  const heads = new Map<PartitionKey, string>();
  const ended: { partition: PartitionKey; until: number }[] = [];
  for (const [at, event] of history.entries()) {
    if (event.kind !== "chain") continue;
    const { partition, members } = event;
    const head = members[0]?.incarnation ?? "";
    const before = heads.get(partition);
    if (before !== undefined && before !== head) ended.push({ partition, until: at });
    heads.set(partition, head);
  }
  return ended;
}

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
