import type { HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";

/** What can leave holes among bytes that were never flushed. */
const tearing = new Set(["EIO sync", "power", "power while starting"]);

/**
 * An offset is unreadable only where bits were flipped, or where a crash tore unsynced bytes. In a
 * compacted log it may also lie in the gap beside what was flipped, whose batch may have held it.
 */
export const damageIsTold: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const gaps = new Gaps(history);
  const complaints: string[] = [];
  let mayBeTorn = false;
  let count = 0;
  for (const event of history) {
    if (event.kind === "unsyncedLost") mayBeTorn = true;
    if (event.kind === "fault") mayBeTorn ||= tearing.has(event.fault);
    if (event.kind === "readFailed") {
      count += 1;
      const { partition, offset } = event;
      if (mayBeTorn || spoiled.has(partition, offset)) continue;
      const isBeside =
        gaps.isGap(partition, offset, spoiled.nextFrom(partition, offset)) ||
        gaps.isGap(partition, spoiled.endBefore(partition, offset), offset + 1);
      if (rules(partition).isCompacted && isBeside) continue;
      complaints.push(`${partition}@${offset}: ${event.error}, and nothing was spoiled`);
    }
  }
  return { complaints, count };
};

/** Where no record was left when all could be read that was sound. */
class Gaps {
  readonly #finals = new Map<PartitionKey, readonly number[]>();

  constructor(history: readonly HistoryEvent[]) {
    for (const event of history) {
      if (event.kind !== "final") continue;
      this.#finals.set(
        event.partition,
        event.end.records.map(({ offset }) => offset),
      );
    }
  }

  /** Of a topic that is gone nobody knows. */
  isGap(key: PartitionKey, from: number | undefined, to: number | undefined): boolean {
    if (from === undefined || to === undefined) return false;
    return !this.#finals.get(key)?.some((offset) => offset >= from && offset < to);
  }
}
