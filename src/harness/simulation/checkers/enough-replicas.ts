import type { Checker } from "./checker.ts";
import { lateMsMax, topicOf } from "./checker.ts";

/** What a topic asked for, from a moment on. */
interface Asked {
  readonly fromMs: number;
  readonly replicas: number;
}

/** A head commits while its chain has `min.insync.replicas` members, as set now or just before. */
export const enoughReplicas: Checker = (history) => {
  const asked = new Map<string, Asked[]>();
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind === "insyncSet") {
      const all = asked.get(event.topicId) ?? [];
      asked.set(event.topicId, [...all, { fromMs: event.atMs, replicas: event.replicas }]);
    }
    if (event.kind !== "commits") continue;
    const { partition, epoch, memberCount, by } = event;
    const least = leastSince(asked.get(topicOf(partition)) ?? [], event.atMs - lateMsMax);
    if (least > 1) count += 1;
    if (memberCount >= least) continue;
    const place = `${partition}, epoch ${epoch}`;
    complaints.push(`${place}: node ${by.nodeId} commits with ${memberCount} of ${least} replicas`);
  }
  return { complaints, count };
};

/** The least of what was in force at any moment since then. */
function leastSince(all: readonly Asked[], sinceMs: number): number {
  const first = all.findLastIndex(({ fromMs }) => fromMs <= sinceMs);
  const inForce = all.slice(Math.max(0, first)).map(({ replicas }) => replicas);
  return inForce.length === 0 ? 1 : Math.min(...inForce);
}
