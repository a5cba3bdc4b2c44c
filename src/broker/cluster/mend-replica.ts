import type { Log } from "../../base/log.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ReplicaStorage } from "../ports/partition-storage.ts";
import type { Seated } from "./seated.ts";

interface MendParts {
  readonly storage: ReplicaStorage;
  readonly log: Log;
}

/**
 * Once its chain goes on without it, a log is cut back to what of it is sound; until then it is
 * left as it is. The files that hold what goes stay aside until the chain has filled it again. A
 * torn log that its chain begins anew with is cut likewise: nobody could copy what has holes.
 */
export async function mendReplica(
  { storage, log }: MendParts,
  seated: Seated,
  replica: ReplicaLog,
  isTorn: boolean,
): Promise<void> {
  const { topic, partition } = seated;
  const { index, settings } = partition;
  const { end } = replica;
  seated.unsoundFrom = Math.min(seated.unsoundFrom, replica.unsoundFrom ?? Infinity);
  let open = replica;
  if (replica.log.stopped !== undefined) {
    seated.replica = undefined;
    open = seated.replica = await storage.reopenReplica(topic, index, settings);
  }
  const from = Math.min(seated.unsoundFrom, open.unsoundFrom ?? Infinity);
  const fields = { topic: topic.name, partition: index, from, end };
  if (isTorn) log.warn("a crash left holes in a log that is all there is: it is cut", fields);
  else log.warn("a replica is unsound: it is cut, and filled again by its chain", fields);
  await open.truncateUnsound(from);
  seated.unsoundFrom = Infinity;
  seated.isMended = true;
}

/** Its chain has filled it again: what was damaged is needed no more. */
export async function noteFilled({ storage, log }: MendParts, seated: Seated): Promise<void> {
  const { partition, replica } = seated;
  seated.isMended = false;
  await replica?.forgetSetAside();
  await storage.aside.forget(partition.topic, partition.index);
  const fields = { topic: partition.topic, partition: partition.index };
  log.info("a replica that was damaged is whole again", fields);
}
