import type { HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, lateMsMax, rulesOf, Spoiled } from "./checker.ts";
import { Losses } from "./losses.ts";

/**
 * What a client was told is deleted is not read by who asks later, from any node but one that the
 * chain had gone on without, and that for a while (cluster.md, section 3). Nothing goes from the
 * beginning of a log unless somebody asked for it or the topic keeps not everything.
 */
export const deletedStaysDeleted: Checker = (history) => {
  const rules = rulesOf(history);
  const spoiled = new Spoiled(history);
  const deletions = new Deletions(history);
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "read" && event.kind !== "final") continue;
    const { partition } = event;
    const records = event.kind === "read" ? event.records : event.end.records;
    const first = records[0]?.offset ?? Infinity;
    const before = deletions.toldBefore(event);
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
  readonly #absences = new Absences();

  constructor(history: readonly HistoryEvent[]) {
    this.#losses = Losses.in(history);
    for (const [at, event] of history.entries()) {
      if (event.kind === "chain") this.#absences.take(at, event);
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

  /** Told before it was asked for, to be known to whoever answered, and not lost since. */
  toldBefore(event: Extract<HistoryEvent, { kind: "read" | "final" }>): number {
    const { partition, askedAt } = event;
    const lastLoss = this.#losses.last(partition);
    const goneAt = event.kind === "read" ? this.#absences.goneAt(event) : Infinity;
    const known = (this.#told.get(partition) ?? []).filter(
      ({ at }) => at < askedAt && at > lastLoss && at < goneAt,
    );
    return Math.max(0, ...known.map(({ before }) => before));
  }
}

/** Since when nodes are not in the chains that they have been in. */
class Absences {
  readonly #members = new Map<PartitionKey, ReadonlySet<number>>();
  readonly #absences = new Map<string, { at: number; atMs: number; backAt: number }[]>();

  /** Event number `at`; in order. */
  take(at: number, { partition, members, atMs }: Extract<HistoryEvent, { kind: "chain" }>): void {
    const now = new Set(members.map(({ nodeId }) => nodeId));
    const before = this.#members.get(partition) ?? new Set();
    this.#members.set(partition, now);
    for (const nodeId of before) {
      if (now.has(nodeId)) continue;
      const all = this.#of(partition, nodeId);
      this.#absences.set(`${partition} ${nodeId}`, [...all, { at, atMs, backAt: Infinity }]);
    }
    for (const nodeId of now) {
      const last = this.#of(partition, nodeId).at(-1);
      if (last !== undefined && !before.has(nodeId)) last.backAt = at;
    }
  }

  /**
   * The number of the event from which on the node that answered need not know what the chain does;
   * Infinity: it is to know everything.
   */
  goneAt({ partition, nodeId, askedAt, atMs }: Extract<HistoryEvent, { kind: "read" }>): number {
    if (nodeId === undefined) return Infinity;
    const absence = this.#of(partition, nodeId).findLast(({ at }) => at < askedAt);
    const isGone = absence !== undefined && askedAt <= absence.backAt;
    return isGone && atMs <= absence.atMs + lateMsMax ? absence.at : Infinity;
  }

  #of(partition: PartitionKey, nodeId: number): { at: number; atMs: number; backAt: number }[] {
    return this.#absences.get(`${partition} ${nodeId}`) ?? [];
  }
}
