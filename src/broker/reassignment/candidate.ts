import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { formatUuid } from "../../base/uuid.ts";
import { chainKey } from "../../replication/chain-config.ts";
import type { ChainControl } from "../cluster/assignment/chain-control.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Topic } from "../topics/topics.ts";

/** One partition whose head is to be another one. */
export interface Candidate {
  readonly topic: Topic;
  readonly partition: number;
}

/** What an election is held with. */
export interface ElectionParts {
  readonly cluster: Cluster;
  readonly chainControl: ChainControl;
  readonly clock: Clock;
}

export function keyOf({ topic, partition }: Candidate): string {
  return chainKey(formatUuid(topic.id), partition);
}

export function notNeeded({ topic, partition }: Candidate): XylemError {
  return new XylemError("ELECTION_NOT_NEEDED", `${topic.name}-${partition} needs no other head`);
}
