import { XylemError } from "../../base/errors.ts";
import type { Broker } from "../broker.ts";
import type { EvictionReport } from "./eviction.ts";
import type { Abortion } from "./retention.ts";

/** Which topics: one, or all of the node. */
export type EvictScope = { readonly topic: string } | "all";

/**
 * Applies retention now, without waiting for the check interval. Throws
 * UNKNOWN_TOPIC_OR_PARTITION.
 */
export async function evictTopics(
  { topics, retention }: Pick<Broker, "topics" | "retention">,
  scope: EvictScope,
  signal?: Abortion,
): Promise<EvictionReport> {
  if (scope === "all") return await retention.evict(topics.list(), signal);
  const topic = topics.find(scope.topic);
  if (topic !== undefined) return await retention.evict([topic], signal);
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${scope.topic}`);
}
