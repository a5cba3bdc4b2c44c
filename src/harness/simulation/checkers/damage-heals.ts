import type { HistoryEvent, PartitionKey } from "../history.ts";
import type { Checker } from "./checker.ts";
import { Losses } from "./losses.ts";

interface Rotten {
  readonly partition: PartitionKey;
  readonly lastOffset: number;
}

/**
 * In a chain: what can not be read is rotten at some node when it is asked for, or was torn when
 * every member had lost something; and all that has rotted is found and mended by the end, where
 * others have it.
 */
export const damageHeals: Checker = (history) => {
  const losses = Losses.in(history);
  /** By partition: the number of the event by which one of its copies healed last. */
  const healedAt = new Map<PartitionKey, number>();
  const rotten = new Map<string, Rotten>();
  const complaints: string[] = [];
  let count = 0;
  for (const [at, event] of history.entries()) {
    if (event.kind === "rotted") {
      count += 1;
      const { partition, nodeId, lastOffset } = event;
      const place = `${partition} at node ${nodeId}`;
      const before = rotten.get(place)?.lastOffset ?? -1;
      rotten.set(place, { partition, lastOffset: Math.max(before, lastOffset) });
    } else if (event.kind === "healed") {
      const { partition, nodeId, leftUpTo: lastOffset } = event;
      const place = `${partition} at node ${nodeId}`;
      if (lastOffset === undefined) rotten.delete(place);
      else rotten.set(place, { partition, lastOffset });
      healedAt.set(partition, at);
    } else if (event.kind === "readFailed") {
      count += 1;
      const { partition, offset, error, askedAt } = event;
      const isRotten = [...rotten.values()].some((one) => one.partition === partition);
      const wasRotten = (healedAt.get(partition) ?? -1) >= askedAt;
      if (isRotten || wasRotten || losses.last(partition) >= 0) continue;
      complaints.push(`${partition}@${offset}: ${error}, and nothing is rotten`);
    } else if (event.kind === "final") complaints.push(...leftAtTheEnd(rotten, event));
  }
  return { complaints, count };
};

function leftAtTheEnd(
  rotten: ReadonlyMap<string, Rotten>,
  { partition, end }: HistoryEvent & { kind: "final" },
): string[] {
  // What is deleted may rot away.
  return [...rotten]
    .filter(([, one]) => one.partition === partition && one.lastOffset >= end.logStart)
    .map(([place, { lastOffset }]) => `${place}: what rotted up to ${lastOffset} is still there`);
}
