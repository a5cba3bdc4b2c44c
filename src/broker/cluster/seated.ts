import type { XylemError } from "../../base/errors.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { TopicKey } from "../ports/partition-storage.ts";
import type { PlacedPartition } from "./placed-partition.ts";
import { givenUpBelow } from "./replica-mending.ts";
import { ReplicaTries } from "./replica-tries.ts";
import type { RunningChain } from "./running-chain.ts";

/** A partition's place, and this node's replica of it, if it has one. */
export interface Seated {
  readonly topic: TopicKey;
  readonly partition: PlacedPartition;
  replica: ReplicaLog | undefined;
  running: RunningChain | undefined;
  failure: XylemError | undefined;
  readonly tries: ReplicaTries;
  /** What lies from here on is still to be cut. */
  unsoundFrom: number;
  /** What of it was damaged is aside; its chain has not filled it yet. */
  isMended: boolean;
  /** What it knew as committed when it was closed to be opened again. */
  committed: number;
  /** The coordinator was restored: what its chain says is not done yet. */
  isHeldBack: boolean;
  /** Ends the wait for the next try. */
  cancel: () => void;
}

export function seat(topic: TopicKey, partition: PlacedPartition): Seated {
  const none = { replica: undefined, running: undefined, failure: undefined };
  const unhurt = { unsoundFrom: Infinity, isMended: false, isHeldBack: false, committed: 0 };
  return { topic, partition, tries: new ReplicaTries(), cancel: () => {}, ...none, ...unhurt };
}

/**
 * Whether it has lost some of what it had flushed and told others of, and nobody has given up. Of a
 * topic that answers before it flushes nobody knows that while the log can not be opened: its disk
 * may have dropped pages.
 */
export function mayHaveLost(
  { replica, failure, partition }: Seated,
  config: ChainConfig | undefined,
): boolean {
  if (replica !== undefined) {
    const givenUp = config === undefined ? 0 : givenUpBelow(config, replica);
    return replica.lostUpTo > givenUp;
  }
  return failure !== undefined && partition.settings.durability === "os";
}
