import type { HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, rulesOf, Spoiled } from "./checker.ts";
import { Losses } from "./losses.ts";

/**
 * What a client was told is deleted is not read by who asks later, from any node, and nothing goes
 * from the beginning of a log unless somebody asked for it or the topic keeps not everything.
 */
export const deletedStaysDeleted: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const deletions = new Deletions(history);
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "read" && event.kind !== "final") continue;
    const { partition, askedAt } = event;
    const records = event.kind === "read" ? event.records : event.end.records;
    const first = records[0]?.offset ?? Infinity;
    const before = deletions.toldBefore(partition, askedAt);
    count += 1;
    if (first < before) {
      complaints.push(`${partition}@${first}: read although it was deleted before ${before}`);
    }
    if (event.kind === "read" || rules(partition).hasRetention || spoiled.has(partition)) continue;
    const { logStart } = event.end;
    const most = deletions.asked(partition);
    if (logStart <= most) continue;
    complaints.push(`${partition}: begins at ${logStart}, nobody deleted past ${most}`);
  }
  return { complaints, count };
};

/** What clients asked to be deleted, and what they were told is. */
class Deletions {
  readonly #losses: Losses;
  readonly #asked = new Map<PartitionKey, number>();
  readonly #told = new Map<PartitionKey, { at: number; before: number }[]>();

  constructor(history: readonly HistoryEvent[]) {
    this.#losses = Losses.in(history);
    for (const [at, event] of history.entries()) {
      if (event.kind === "deleteAsked") {
        this.#asked.set(event.partition, Math.max(this.asked(event.partition), event.before));
      } else if (event.kind === "deleted") {
        const { partition, logStart: before } = event;
        this.#told.set(partition, [...(this.#told.get(partition) ?? []), { at, before }]);
      }
    }
  }

  asked(partition: PartitionKey): number {
    return this.#asked.get(partition) ?? 0;
  }

  /** Told before event number `askedAt`, and not lost since. */
  toldBefore(partition: PartitionKey, askedAt: number): number {
    const lastLoss = this.#losses.last(partition);
    const known = (this.#told.get(partition) ?? []).filter(
      ({ at }) => at < askedAt && at > lastLoss,
    );
    return Math.max(0, ...known.map(({ before }) => before));
  }
}
