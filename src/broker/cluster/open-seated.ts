import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ReplicaStorage } from "../ports/partition-storage.ts";
import type { Seated } from "./seated.ts";

/**
 * Opens a node's replica of a partition. What can not be read again and again, and others have,
 * begins anew; it stays aside. Throws what `openReplica` does.
 */
export async function openSeated(
  { storage, log }: { readonly storage: ReplicaStorage; readonly log: Log },
  seated: Seated,
  mayStartOver: () => boolean,
): Promise<ReplicaLog> {
  const { topic, partition, tries } = seated;
  const { index, settings } = partition;
  if (tries.areFilesUnusable && mayStartOver()) {
    const fields = { topic: topic.name, partition: index };
    log.warn("a replica begins anew: its files can not be used", fields);
    await storage.setAsidePartition(topic, index);
    tries.succeeded();
    seated.unsoundFrom = Infinity;
  }
  const replica = await storage.openReplica(topic, index, settings);
  seated.isMended ||= storage.aside.has(topic.name, index);
  if (replica.end < seated.committed) {
    const detail = `its log ends at ${replica.end}, ${seated.committed} was committed`;
    replica.halt(new XylemError("KAFKA_STORAGE_ERROR", detail));
  }
  seated.committed = 0;
  return replica;
}
