import type { PartitionKey } from "../history.ts";
import type { Checker } from "./checker.ts";
import { Losses } from "./losses.ts";

/**
 * In a chain: what can not be read is rotten at some node when it is asked for, or was torn when
 * every member had lost something; and all that has rotted is found and mended by the end, where
 * others have it.
 */
export const damageHeals: Checker = (history) => {
  const losses = Losses.in(history);
  /** By partition: the number of the event by which one of its copies healed last. */
  const healedAt = new Map<PartitionKey, number>();
  const rotten = new Map<string, { partition: PartitionKey; lastOffset: number }>();
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
    } else if (event.kind === "final") {
      for (const [place, { partition, lastOffset }] of rotten) {
        // What is deleted may rot away.
        if (partition !== event.partition || lastOffset < event.end.logStart) continue;
        complaints.push(`${place}: what rotted up to ${lastOffset} is still there`);
      }
    }
  }
  return { complaints, count };
};
