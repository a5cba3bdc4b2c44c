import type { Checker } from "./checker.ts";

/** In an epoch of a chain one node commits, and only while the coordinator holds its lease. */
export const oneHeadAnEpoch: Checker = (history) => {
  const heads = new Map<string, string>();
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "commits") continue;
    count += 1;
    const place = `${event.partition}, epoch ${event.epoch}`;
    const name = `node ${event.by.nodeId} (${event.by.incarnation})`;
    if (!event.isLeased) complaints.push(`${place}: ${name} commits without a lease`);
    const before = heads.get(place) ?? name;
    heads.set(place, before);
    if (before !== name) complaints.push(`${place}: ${before} commits, and so does ${name}`);
  }
  return { complaints, count };
};
