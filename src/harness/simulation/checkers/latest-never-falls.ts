import type { HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, Spoiled } from "./checker.ts";
import { Losses } from "./losses.ts";

/** What a client knows of a partition's end, from event number `at` on. */
interface Told {
  readonly partition: PartitionKey;
  readonly at: number;
  readonly offset: number;
}

/**
 * The latest offset that any node tells is no smaller than one that a client was told before it
 * asked, nor than the end of what it had read or what all had acknowledged, short of a loss.
 */
export const latestNeverFalls: Checker = (history) => {
  const losses = Losses.in(history);
  const spoiled = new Spoiled(history);
  const told = new Map<PartitionKey, Told[]>();
  const complaints: string[] = [];
  let count = 0;
  for (const [at, event] of history.entries()) {
    const now = tellingOf(event, at);
    if (now === undefined) continue;
    const { partition, offset } = now;
    const all = told.get(partition) ?? [];
    if (event.kind === "latest" || event.kind === "final") {
      count += 1;
      const past = all.findLast((one) => one.at < event.askedAt);
      const isHeldTo = past !== undefined && past.at > losses.last(partition);
      if (isHeldTo && offset < past.offset && !spoiled.has(partition)) {
        complaints.push(`${partition}: latest ${past.offset} became ${offset}`);
      }
    }
    if (offset > (all.at(-1)?.offset ?? -1)) told.set(partition, [...all, now]);
  }
  return { complaints, count };
};

function tellingOf(event: HistoryEvent, at: number): Told | undefined {
  switch (event.kind) {
    case "latest":
      return { partition: event.partition, at, offset: event.offset };
    case "final":
      return { partition: event.partition, at, offset: event.end.committed };
    case "read":
      return { partition: event.partition, at, offset: (event.records.at(-1)?.offset ?? -1) + 1 };
    case "acked": {
      if (event.isOfHeadAlone === true) return undefined;
      const { partition, baseOffset, stamps } = event;
      return { partition, at, offset: baseOffset + stamps.length };
    }
    default:
      return undefined;
  }
}
