import type { HistoryEvent, PartitionKey, TopicRules } from "../history.ts";

export interface Complaint {
  readonly checker: string;
  readonly text: string;
}

export interface Verdict {
  readonly complaints: readonly string[];
  /** How many things were looked at: a checker that saw nothing has proven nothing. */
  readonly count: number;
}

/** Judges a whole history, in which each event lies behind those that happened before it. */
export type Checker = (history: readonly HistoryEvent[]) => Verdict;

/** A node that holds its lease knows what the coordinator was told so long ago. */
export const lateMsMax = 10_000;

/** What the topics of a history promise, by topic id. */
export function rulesOf(history: readonly HistoryEvent[]): (key: PartitionKey) => TopicRules {
  const rules = new Map<string, TopicRules>();
  for (const event of history) {
    if (event.kind === "topicCreated") rules.set(event.topicId, event.rules);
  }
  return (key) => {
    const found = rules.get(topicOf(key));
    if (found === undefined) throw new Error(`${key}: the history does not tell of its topic`);
    return found;
  };
}

export function topicOf(key: PartitionKey): string {
  return key.slice(0, key.lastIndexOf("-"));
}

/** Which offsets were damaged on purpose. */
export class Spoiled {
  readonly #ranges = new Map<PartitionKey, { first: number; last: number }[]>();

  constructor(history: readonly HistoryEvent[]) {
    for (const event of history) {
      if (event.kind !== "spoiled") continue;
      const ranges = this.#ranges.get(event.partition) ?? [];
      ranges.push({ first: event.firstOffset, last: event.lastOffset });
      this.#ranges.set(event.partition, ranges);
    }
  }

  has(key: PartitionKey, offset?: number): boolean {
    const ranges = this.#ranges.get(key);
    if (ranges === undefined || offset === undefined) return ranges !== undefined;
    return ranges.some(({ first, last }) => offset >= first && offset <= last);
  }

  /** Where the first damage at or behind an offset begins. */
  nextFrom(key: PartitionKey, offset: number): number | undefined {
    const firsts = (this.#ranges.get(key) ?? []).map(({ first }) => first);
    return firsts.filter((first) => first >= offset).sort((one, other) => one - other)[0];
  }

  /** Where the last damage before an offset ends. */
  endBefore(key: PartitionKey, offset: number): number | undefined {
    const ends = (this.#ranges.get(key) ?? []).map(({ last }) => last + 1);
    return ends.filter((end) => end <= offset).sort((one, other) => other - one)[0];
  }
}
