import type { HistoryEvent, PartitionKey } from "../history.ts";
import { type Checker, Spoiled } from "./checker.ts";
import { Losses } from "./losses.ts";

/** What a client knows of a partition's end, from event number `at` on. */
interface Told {
  readonly partition: PartitionKey;
  readonly at: number;
  /** A loss after that may be one of what it was told. */
  readonly askedAt: number;
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
      const isHeldTo = past !== undefined && past.askedAt > losses.last(partition);
      if (isHeldTo && offset < past.offset && !spoiled.has(partition)) {
        complaints.push(`${partition}: latest ${past.offset} became ${offset}`);
      }
    }
    if (offset > (all.at(-1)?.offset ?? -1)) told.set(partition, [...all, now]);
  }
  return { complaints, count };
};

function tellingOf(event: HistoryEvent, at: number): Told | undefined {
  const toldBy = (
    { partition, askedAt }: { readonly partition: PartitionKey; readonly askedAt: number },
    offset: number,
  ): Told => ({ partition, at, askedAt, offset });
  switch (event.kind) {
    case "latest":
      return toldBy(event, event.offset);
    case "final":
      return toldBy(event, event.end.committed);
    case "read":
      return toldBy(event, (event.records.at(-1)?.offset ?? -1) + 1);
    case "acked": {
      const { isOfHeadAlone, baseOffset, stamps } = event;
      return isOfHeadAlone === true ? undefined : toldBy(event, baseOffset + stamps.length);
    }
    default:
      return undefined;
  }
}
