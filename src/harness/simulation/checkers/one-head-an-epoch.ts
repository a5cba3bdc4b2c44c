import type { Checker } from "./checker.ts";

/** Longer than a lease. */
const graceMs = 5_000;

/**
 * In an epoch of a chain one node commits, and only while the coordinator holds its lease. Once the
 * coordinator was restored both begin anew.
 */
export const oneHeadAnEpoch: Checker = (history) => {
  const heads = new Map<string, string>();
  const complaints: string[] = [];
  let count = 0;
  let graceUntilMs = -Infinity;
  for (const event of history) {
    if (event.kind === "restored") {
      // Epochs without records may come again; leases are gone, and nobody knows it yet.
      heads.clear();
      graceUntilMs = event.atMs + graceMs;
    }
    if (event.kind !== "commits") continue;
    count += 1;
    const place = `${event.partition}, epoch ${event.epoch}`;
    const name = `node ${event.by.nodeId} (${event.by.incarnation})`;
    if (!event.isLeased && event.atMs > graceUntilMs)
      complaints.push(`${place}: ${name} commits without a lease`);
    const before = heads.get(place) ?? name;
    heads.set(place, before);
    if (before !== name) complaints.push(`${place}: ${before} commits, and so does ${name}`);
  }
  return { complaints, count };
};
