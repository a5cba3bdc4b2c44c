import type { Cancel } from "../../../base/clock.ts";
import type { ChainConfig } from "../../../replication/chain-config.ts";
import type { Member } from "../../../replication/member.ts";
import type { Durability } from "../../partition/partition-log.ts";
import type { ReplicaLog } from "../../partition/replica/replica-log.ts";

/** What somebody wants of a chain before he counts on what he appended. */
export interface StoredAsk {
  readonly durability: Durability;
  readonly replicasMin: number;
}

/** A replica of this node's, run as its chain says. */
export interface RunningChain {
  /** Clients are served from it: it is the head. */
  readonly isServing: boolean;
  /** Not at a head: what is committed here may be read now (KIP-392); asked at each read. */
  readonly isReadable: boolean;
  /** At a head: whether what is committed here is the newest there is (KIP-207). */
  readonly knowsLatest: boolean;
  /** At a head: it gives its place away, and another one may have it by now. */
  readonly isLeaving: boolean;
  /** Where the shortest log of the chain begins, as far as it is known here. */
  readonly logStartMax: number;
  /** In which it is run; its chain may be in a later one. */
  readonly epoch: number;
  /** Of its chain, in that epoch: Kafka's replicas in sync. */
  readonly memberCount: number;
  /**
   * At a head: calls back once the whole chain, and it is as long as asked, has what is below
   * `offset` as durably as asked, or with why nobody will know; not any more once the answer is
   * called.
   */
  whenStored(offset: number, how: StoredAsk, done: (error?: Error) => void): Cancel;
  /** Likewise once the whole chain has deleted what is below `offset`. */
  whenDeleted(offset: number, done: (error?: Error) => void): Cancel;
  /** Its chain is so from now on. Throws when the log can not be of that chain. */
  configure(config: ChainConfig): void;
  /** This node's lease was lost or regained. */
  review(): void;
  /** It is this node's no longer. */
  close(): void;
}

/** Who runs it. */
export interface ChainPlace {
  /** As of `chainKey`. */
  readonly key: string;
  readonly self: Pick<Member, "id" | "incarnation">;
  /**
   * Whether this node's lease holds, its image is no older, and by that no other node leads in a
   * later epoch than this replica has heard of.
   */
  readonly isStanding: () => boolean;
}

export type RunChain = (replica: ReplicaLog, place: ChainPlace) => RunningChain;
