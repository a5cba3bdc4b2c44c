import { XylemError } from "../../base/errors.ts";
import type { Broker } from "../broker.ts";
import { absentBucket, topicsIn } from "../buckets/change-bucket.ts";
import type { EvictionReport } from "./eviction.ts";
import type { Abortion } from "./retention.ts";

/** Which topics: one, those of a bucket, or all of the node. */
export type EvictScope = { readonly topic: string } | { readonly bucket: string } | "all";

/**
 * Applies retention now, without waiting for the check interval. Throws
 * UNKNOWN_TOPIC_OR_PARTITION, RESOURCE_NOT_FOUND.
 */
export async function evictTopics(
  broker: Pick<Broker, "topics" | "configs" | "retention">,
  scope: EvictScope,
  signal?: Abortion,
): Promise<EvictionReport> {
  const { topics, configs, retention } = broker;
  if (scope === "all") return await retention.evictAll(signal);
  if ("bucket" in scope) {
    const bucket = configs.buckets.find(scope.bucket);
    if (bucket === undefined) throw absentBucket(scope.bucket);
    const own = topicsIn(broker, bucket.name);
    return await retention.evict({ topics: own, buckets: [bucket] }, signal);
  }
  const topic = topics.find(scope.topic);
  if (topic !== undefined) return await retention.evict({ topics: [topic], buckets: [] }, signal);
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${scope.topic}`);
}
