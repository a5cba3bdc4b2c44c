import type { Broker } from "../broker.ts";
import { placeOf } from "../cluster/partition-place.ts";
import type { FetchPartition } from "./fetch-partition.ts";

/**
 * Which replica of a partition that this node leads a reader in this rack had better read from: a
 * member of its chain in the same rack, the one nearest to the head, which hears first of what is
 * committed (KIP-392). Undefined: there is nothing to choose. None where a replica may have deleted
 * what he wants before the head has: he would come back from it, and be sent there again.
 */
export function preferReplica(
  { identity, cluster, settings }: Broker,
  rack: string,
): ((wanted: FetchPartition) => number) | undefined {
  const isRackAware = /rack-?aware/i.test(settings["replica.selector.class"]);
  if (cluster === undefined || rack === "" || rack === identity.rack || !isRackAware) {
    return undefined;
  }
  const { image } = cluster;
  return ({ topic, partition, log, fetchOffset }) => {
    if (topic === undefined || partition === undefined) return -1;
    if (fetchOffset < (log?.logStartMax ?? 0)) return -1;
    const { inSync } = placeOf({ identity, cluster }, topic.id, partition);
    return inSync.find((id) => id !== identity.nodeId && image.node(id)?.rack === rack) ?? -1;
  };
}
