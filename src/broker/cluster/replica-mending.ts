import type { ChainConfig } from "../../replication/chain-config.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ClusterImage } from "./cluster-image.ts";

/** A log that is damaged, or that its disk failed. What contradicts its chain is for a person. */
export function isUnsound(replica: ReplicaLog): boolean {
  return replica.unsoundFrom !== undefined && !replica.isHalted;
}

/**
 * Whether a node's log of a chain may go, because others that are up hold all that was committed.
 * As long as the node is listed, in whatever life, its log may be all there is.
 */
export function mayStartOver({ members }: ChainConfig, image: ClusterImage, id: number): boolean {
  return members.every((member) => member.id !== id) && members.some((one) => image.has(one));
}
